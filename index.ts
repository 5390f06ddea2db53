import * as pulumi from "@pulumi/pulumi";
import { OllamaMesh } from "./components/index.ts";
import { readStackConfig } from "./components/stack-config.ts";

// Pulumi's SDK takes a stack for every property of every resource, and source-map-support, which it installs, renders
// each: a third of the time of a program with 50 nodes. Node's own stacks are right, since it strips types in place.
Reflect.deleteProperty(Error, "prepareStackTrace");

const name = `${pulumi.getProject()}-${pulumi.getStack()}`;
const mesh = new OllamaMesh(name, readStackConfig(new pulumi.Config()));

const { endpoint, endpoints, nodes, curl, monitoring } = mesh;
// Pulumi warns of an output that is undefined.
export default { endpoint, endpoints, nodes, curl, ...(monitoring ? { monitoring } : {}) };
