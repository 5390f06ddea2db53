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
import { plainContainer } from "../../support/plain-node.ts";

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
      expect(stepInput(image)).toEqual({ endpoint: LOCAL, images: ["nginx:1.30.6"] });

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
      });

      const serving = one(resources, COMMAND, "lab-balancer-serving");
      expect(withoutStdin(serving)).toEqual(
        command("serving", { triggers: [`${CONTAINER} lab-balancer`] }),
      );
      expect(stepInput(serving)).toEqual({ balancer: place, pids: 256 });
    });

    test("of nginx's container: hardened, on the declared address only, its config read-only", () => {
      expect(one(resources, CONTAINER, "lab-balancer").inputs).toEqual({
        name: "lab-balancer",
        image: "nginx:1.30.6",
        command: [
          "nginx",
          "-e",
          "stderr",
          "-c",
          "/etc/nginx/mesh/current/nginx.conf",
          "-g",
          "daemon off;",
        ],
        user: "101:101",
        ports: [{ ip: "127.0.0.1", external: 11_434, internal: 8080 }],
        networksAdvanced: [{ name: "lab-network", ipv4Address: MESH_NETWORK.balancer }],
        volumes: [{ volumeName: "lab-config", containerPath: "/etc/nginx/mesh", readOnly: true }],
        tmpfs: { "/tmp": "mode=1777" },
        readOnly: true,
        capabilities: { drops: ["ALL"] },
        securityOpts: ["no-new-privileges:true"],
        memory: 1024,
        memorySwap: 1024,
        ulimits: [{ name: "nofile", soft: 18_432, hard: 18_432 }],
        sysctls: {
          "net.ipv4.tcp_keepalive_time": "15",
          "net.ipv4.tcp_keepalive_intvl": "5",
          "net.ipv4.tcp_keepalive_probes": "4",
          "net.ipv4.tcp_retries2": "5",
        },
        labels: [meshLabel, { label: "ollama-mesh.node", value: "balancer" }],
        healthcheck: {
          tests: ["CMD", "curl", "-fsS", "-o", "/dev/null", "http://127.0.0.1:8081/config-hash"],
          interval: "10s",
          timeout: "3s",
          retries: 3,
          startPeriod: "5s",
        },
        logDriver: "json-file",
        logOpts: { "max-file": "3", "max-size": "10m" },
        restart: "unless-stopped",
        stopSignal: "SIGQUIT",
        stopTimeout: 5,
        destroyGraceSeconds: 5,
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
