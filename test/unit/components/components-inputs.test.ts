// Under Pulumi's mocks: exact inputs of every resource of a mesh on one engine, and its outputs.
import { beforeAll, describe, expect, test } from "vitest";

import type { OllamaMesh } from "../../../components/index.ts";
import { isSecret, one, stepInput, valueOf, type Registered } from "../../support/mocks.ts";
import {
  COMMAND,
  CONTAINER,
  VOLUME,
  NETWORK,
  LOCAL,
  build,
  named,
  command,
  withoutStdin,
  place,
  meshLabel,
  THREE_NODES,
} from "../../support/recorded-mesh.ts";
import { ADDRESS, MESH_NETWORK } from "../../support/mesh-network.ts";
import { plainContainer, ROUTER } from "../../support/plain-node.ts";

describe("a mesh of three local nodes", () => {
  let resources: Registered[];
  let mesh: OllamaMesh;

  beforeAll(async () => {
    ({ resources, result: mesh } = await build(THREE_NODES));
  });

  describe("inputs", () => {
    test("of the host's steps", () => {
      const preflight = one(resources, COMMAND, "lab-local-preflight");
      expect(withoutStdin(preflight)).toEqual(command("preflight"));
      expect(stepInput(preflight)).toEqual({
        endpoint: LOCAL,
        nvidia: false,
        nodes: ["one", "three", "two"],
        amd: false,
        ports: [],
        mesh: "lab",
        network: { name: "lab-network", subnet: MESH_NETWORK.subnet },
        volume: "lab-models",
        minimumFreeGiB: 2,
        for: expect.stringMatching(/^[0-9a-f]{16}$/) as string,
      });

      const images = one(resources, COMMAND, "lab-local-images");
      expect(withoutStdin(images)).toEqual(command("image"));
      expect(stepInput(images)).toEqual({ endpoint: LOCAL, images: ["ollama/ollama:0.32.15"] });

      const models = one(resources, COMMAND, "lab-local-models");
      expect(withoutStdin(models)).toEqual(command("models"));
      expect(stepInput(models)).toEqual({
        endpoint: LOCAL,
        container: "lab.models",
        image: "ollama/ollama:0.32.15",
        volume: "lab-models",
        models: ["llama3.2:3b"],
        minimumFreeGiB: 2,
        labels: ["ollama-mesh=lab"],
      });
    });

    test("of volumes and network", () => {
      expect(one(resources, VOLUME, "lab-local-models").inputs).toEqual({
        name: "lab-models",
        labels: [meshLabel],
      });
      expect(one(resources, VOLUME, "lab-balancer-config").inputs).toEqual({
        name: "lab-config",
        labels: [meshLabel],
      });
      expect(one(resources, NETWORK, "lab-balancer-network").inputs).toEqual({
        name: "lab-network",
        driver: "bridge",
        ipamConfigs: [{ subnet: MESH_NETWORK.subnet, gateway: MESH_NETWORK.gateway }],
        labels: [meshLabel],
      });
    });

    test("of the balancer's steps", () => {
      const image = one(resources, COMMAND, "lab-balancer-image");
      expect(withoutStdin(image)).toEqual(command("image"));
      expect(stepInput(image)).toEqual({
        endpoint: LOCAL,
        images: ["nginx:1.30.6"],
        asksNjs: "nginx:1.30.6",
      });

      const ports = one(resources, COMMAND, "lab-balancer-ports");
      expect(withoutStdin(ports)).toEqual(command("ports"));
      expect(stepInput(ports)).toEqual({
        endpoint: LOCAL,
        container: "lab-balancer",
        image: "nginx:1.30.6",
        ports: [{ ip: "127.0.0.1", port: 11_434 }],
      });

      const config = one(resources, COMMAND, "lab-balancer-config");
      expect(withoutStdin(config)).toEqual(command("applyConfig"));
      expect(stepInput(config)).toEqual({
        balancer: place,
        image: "nginx:1.30.6",
        base: expect.stringMatching(/^# Made by ollama-mesh/) as string,
        secrets: "",
        router: ROUTER,
      });

      const kernel = one(resources, COMMAND, "lab-balancer-kernel");
      expect(withoutStdin(kernel)).toEqual(command("migratesQueues"));
      expect(stepInput(kernel)).toEqual({ endpoint: LOCAL, image: "nginx:1.30.6" });

      const serving = one(resources, COMMAND, "lab-balancer-serving");
      const nginx = `${CONTAINER} lab-balancer-nginx`;
      expect(withoutStdin(serving)).toEqual(command("serving", { triggers: [nginx] }));
      expect(stepInput(serving)).toEqual({
        balancer: place,
        mesh: "lab",
        front: `${CONTAINER} lab-balancer`,
        nginx,
        address: MESH_NETWORK.balancer,
        pids: 256,
      });
    });

    test("of a node's container: hardened, in the mesh network only", () => {
      expect(one(resources, CONTAINER, "lab-two").inputs).toEqual(plainContainer("two"));
    });

    test("of a node's steps", () => {
      const turn = one(resources, COMMAND, "lab-two-turn");
      expect(withoutStdin(turn)).toEqual(
        command("enlist", { update: "takeTurn", delete: "delist" }),
      );
      expect(stepInput(turn)).toEqual({
        balancer: place,
        node: "two",
        spec: expect.stringMatching(/^[0-9a-f]{16}$/) as string,
        maxUnavailable: 1,
        mesh: "lab",
      });

      const triggers = [`${CONTAINER} lab-two`];
      const ready = one(resources, COMMAND, "lab-two-ready");
      expect(withoutStdin(ready)).toEqual(command("ready", { triggers }));
      expect(stepInput(ready)).toEqual({
        balancer: place,
        endpoint: LOCAL,
        container: "lab-two",
        node: "two",
        address: ADDRESS.two,
        port: 11_434,
        models: ["llama3.2:3b"],
        timeoutSeconds: 600,
        warmUp: true,
        maintenance: false,
        pids: 4096,
        judge: { address: "lab-balancer", port: 8084 },
      });

      const admission = one(resources, COMMAND, "lab-two-admission");
      expect(withoutStdin(admission)).toEqual(
        command("admit", { update: "amend", delete: "drain", triggers }),
      );
      expect(stepInput(admission)).toEqual({
        balancer: place,
        node: "two",
        address: ADDRESS.two,
        port: 11_434,
        line: `server ${ADDRESS.two}:11434 weight=2 max_fails=10 fail_timeout=2s;`,
        routed: {
          kind: "ollama",
          url: `http://${ADDRESS.two}:11434`,
          places: 2,
          weight: 2,
        },
        healthPath: "/api/version",
        drainTimeoutSeconds: 600,
        engine: LOCAL,
      });
    });
  });

  test("nothing is secret where nothing secret was given", () => {
    const hidden = resources.filter(({ inputs }) => Object.values(inputs).some(isSecret));
    expect(named(hidden)).toEqual([]);
  });

  test("no input holds a path of this machine, so that a second checkout shows no change", () => {
    const all = JSON.stringify(resources.map(({ inputs }) => inputs));
    expect(all).not.toContain(process.cwd());
  });

  test("its outputs are the endpoint, the nodes in order, and a command to try", async () => {
    expect(await valueOf(mesh.endpoint)).toBe("http://127.0.0.1:11434");
    expect(await valueOf(mesh.nodes)).toEqual([
      { name: "one", address: `${ADDRESS.one}:11434`, state: "active" },
      { name: "two", address: `${ADDRESS.two}:11434`, state: "active" },
      { name: "three", address: `${ADDRESS.three}:11434`, state: "backup" },
    ]);
    expect(await valueOf(mesh.curl)).toBe(
      `curl -N http://127.0.0.1:11434/api/chat -d '{"model":"llama3.2:3b","messages":[{"role":"user","content":"Hello"}]}'`,
    );
  });
});
