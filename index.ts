import * as pulumi from "@pulumi/pulumi";
import { OllamaMesh } from "./components/index.ts";
import { readStackConfig } from "./components/stack-config.ts";

const name = `${pulumi.getProject()}-${pulumi.getStack()}`;
const mesh = new OllamaMesh(name, readStackConfig(new pulumi.Config()));

export const endpoint = mesh.endpoint;
export const nodes = mesh.nodes;
export const curl = mesh.curl;
