// A program that uses ollama-mesh as a library: its own inference server stands in for the mesh's nodes
// when none of them can answer.
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { OllamaMesh } from "ollama-mesh";

const config = new pulumi.Config();
const image = config.require("image");
const name = `${pulumi.getProject()}-${pulumi.getStack()}`;
const ownPort = config.requireNumber("ownPort");

// Any HTTP server with Ollama's API will do: here an Ollama that this program runs by itself.
const own = new docker.Container("own", {
  name: `${name}-own-server`,
  image,
  ports: [{ internal: 11434, external: ownPort }],
});
// As containers of other networks reach it: through the port that it publishes on the host.
const address = own.networkDatas.apply((networks) => networks[0]!.gateway);

const mesh = new OllamaMesh(name, {
  nodes: [
    { name: "one", weight: 2 },
    { name: "two" },
    { name: "own", managed: false, address, port: ownPort, backup: true },
  ],
  models: config.requireObject<string[]>("models"),
  image,
  balancer: config.requireObject("balancer"),
});

export const endpoint = mesh.endpoint;
export const nodes = mesh.nodes;
