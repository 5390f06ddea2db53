import * as pulumi from "@pulumi/pulumi";
import { OllamaMesh, type GpuVendor } from "ollama-mesh";

const config = new pulumi.Config();

const mesh = new OllamaMesh(`${pulumi.getProject()}-${pulumi.getStack()}`, {
  nodes: [
    {
      name: "one",
      host: config.require("host"),
      gpus: { vendor: config.require<GpuVendor>("gpus") },
    },
  ],
  models: [config.require("model")],
  balancer: { listen: { port: config.requireNumber("port") } },
});

export const endpoint = mesh.endpoint;
export const nodes = mesh.nodes;
export const curl = mesh.curl;
