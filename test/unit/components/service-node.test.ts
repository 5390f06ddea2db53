// Nodes that run a server other than Ollama: what is checked, decided and asked of them.
import * as pulumi from "@pulumi/pulumi";
import { describe, expect, test } from "vitest";

import { OllamaMesh, type NodeArgs, type OllamaMeshArgs } from "../../../components/index.ts";
import { parseMesh } from "../../../config/parse-mesh.ts";
import { nodeContainerArgs } from "../../../components/containers/node-container.ts";
import { planMesh } from "../../../plan/mesh-plan.ts";
import { readStackConfig } from "../../../components/stack-config.ts";
import { problemPaths } from "../../support/config-problems.ts";
import { isSecret, one, record, stepInput, valueOf } from "../../support/mocks.ts";
import { ADDRESS } from "../../support/mesh-network.ts";

const COMMAND = "command:local:Command";
const CONTAINER = "docker:index/container:Container";

const IMAGE = "registry.lan/predict:1.4";
const predict = (over: Partial<NodeArgs> = {}): NodeArgs => ({
  name: "one",
  image: IMAGE,
  service: { port: 8000 },
  ...over,
});

/** The plan of a mesh's only node, and what the provider is told of its container. */
function planned(node: NodeArgs) {
  const mesh = planMesh("lab", parseMesh({ nodes: [node], models: ["llama3.2:3b"] }));
  const [only] = mesh.nodes;
  return { mesh, node: only!, args: nodeContainerArgs(mesh, only!, only!.container!.environment) };
}

describe("what is refused", () => {
  const at = (node: object) => problemPaths({ nodes: [node] });

  test("an image that is left out: the mesh's is Ollama", () => {
    const node = { name: "one", service: { port: 8000 } };
    expect(problemPaths({ nodes: [node], image: "ollama/ollama:1" })).toEqual(["nodes[0].image"]);
  });

  test("what is for Ollama only", () => {
    const gpus = { vendor: "nvidia" as const, minimumPercent: 50 };
    const node = predict({ ollama: { keepAlive: "1h" }, models: ["tiny"], gpus });
    expect(at(node).toSorted()).toEqual([
      "nodes[0].gpus.minimumPercent",
      "nodes[0].models",
      "nodes[0].ollama",
    ]);
  });

  test("a service that the mesh does not run", () => {
    const node = predict({ managed: false, address: "10.0.0.7" });
    expect(at(node)).toContain("nodes[0].service");
  });

  test.each<[string, object, string]>([
    ["no port", {}, "nodes[0].service.port"],
    ["a health path without /", { port: 1, healthPath: "health" }, "nodes[0].service.healthPath"],
    ["a relative mount", mount({ source: "./a", path: "/a" }), "nodes[0].service.mounts[0].source"],
    [
      "a mount with options",
      mount({ source: "/a:ro", path: "/a" }),
      "nodes[0].service.mounts[0].source",
    ],
    ["a mount to nowhere", mount({ source: "a1", path: "a" }), "nodes[0].service.mounts[0].path"],
  ])("%s", (_, service, path) => {
    expect(at({ name: "one", image: IMAGE, service })).toEqual([path]);
  });
});

function mount(mount: object) {
  return { port: 8000, mounts: [mount] };
}

describe("its container", () => {
  test("is hardened as Ollama's, and has nothing of Ollama: no model volume, settings or health check", () => {
    const { args } = planned(predict());
    expect(args).toEqual({
      name: "lab-one",
      image: IMAGE,
      envs: ["NVIDIA_VISIBLE_DEVICES=void"],
      networksAdvanced: [{ name: "lab-network", ipv4Address: ADDRESS.one }],
      tmpfs: { "/tmp": "mode=1777" },
      readOnly: true,
      capabilities: { drops: ["ALL"] },
      securityOpts: ["no-new-privileges:true"],
      labels: [
        { label: "ollama-mesh", value: "lab" },
        { label: "ollama-mesh.node", value: "one" },
      ],
      logDriver: "json-file",
      logOpts: { "max-file": "3", "max-size": "10m" },
      restart: "unless-stopped",
      stopTimeout: 10,
      destroyGraceSeconds: 10,
    });
  });

  test("gets words, environment, mounts and GPUs as declared", () => {
    const { args } = planned(
      predict({
        gpus: { vendor: "nvidia", devices: ["1"] },
        service: {
          port: 8000,
          command: ["--model", "/models/a b"],
          environment: { B: "2", A: "$x" },
          mounts: [
            { source: "hf-cache", path: "/cache" },
            { source: "/srv/models", path: "/models", readOnly: true },
          ],
          writable: true,
        },
      }),
    );
    expect(args).toMatchObject({
      command: ["--model", "/models/a b"],
      envs: ["A=$x", "B=2"],
      volumes: [
        { volumeName: "hf-cache", containerPath: "/cache" },
        { hostPath: "/srv/models", containerPath: "/models", readOnly: true },
      ],
      readOnly: false,
      deviceRequests: [{ driver: "nvidia", deviceIds: ["1"], capabilities: ["gpu"] }],
    });
  });

  test("is reached at its own port: in the mesh network, and published on another host", () => {
    expect(planned(predict()).node.port).toBe(8000);
    const elsewhere = { host: "ssh://gpu1.lan" };
    expect(planned(predict(elsewhere)).args.ports).toEqual([
      { ip: "0.0.0.0", external: 8000, internal: 8000 },
    ]);
    const { node, args } = planned(predict({ ...elsewhere, port: 9000 }));
    expect(node.port).toBe(9000);
    expect(args.ports).toEqual([{ ip: "0.0.0.0", external: 9000, internal: 8000 }]);
  });
});

const build = (args: OllamaMeshArgs) => record(() => new OllamaMesh("lab", args));

describe("its resources", () => {
  test("a host without Ollama has no models; beside Ollama they are pulled with Ollama's image", async () => {
    const alone = await build({ nodes: [predict()], models: ["tiny"] });
    const names = alone.resources.map(({ name }) => name);
    expect(names.filter((name) => name.endsWith("-models"))).toEqual([]);
    const nodes = [predict({ image: "a/first:1" }), { name: "two" }];
    const both = await build({ nodes, models: ["tiny"], image: "ollama/ollama:2" });
    const models = stepInput(one(both.resources, COMMAND, "lab-local-models"));
    expect([models["image"], models["models"]]).toEqual(["ollama/ollama:2", ["tiny"]]);
    const images = stepInput(one(both.resources, COMMAND, "lab-local-images"));
    expect(images["images"]).toEqual(["a/first:1", "ollama/ollama:2"]);
  });

  test("its gate asks its health path and nothing of Ollama's, and so does its admission", async () => {
    const node = predict({
      gpus: { vendor: "nvidia" },
      service: { port: 8000, healthPath: "/ready" },
    });
    const { resources } = await build({ nodes: [node], models: ["tiny"] });
    const ready = stepInput(one(resources, COMMAND, "lab-one-ready"));
    expect(ready).toMatchObject({ healthPath: "/ready", port: 8000, models: [] });
    expect(ready).not.toHaveProperty("minimumGpuPercent");
    const admission = stepInput(one(resources, COMMAND, "lab-one-admission"));
    expect(admission["healthPath"]).toBe("/ready");
  });

  test("a secret in its environment is secret in its container and in no step's plain input", async () => {
    const environment = { TOKEN: pulumi.secret("hunter2") };
    const { resources } = await build({ nodes: [predict({ service: { port: 1, environment } })] });
    expect(isSecret(one(resources, CONTAINER, "lab-one").inputs["envs"])).toBe(true);
    const plain = resources.map(({ inputs }) =>
      JSON.stringify(Object.values(inputs).filter((value) => !isSecret(value))),
    );
    expect(plain.filter((text) => text.includes("hunter2"))).toEqual([]);
  });

  test("mounts, and users and groups by name, are looked at before its container is touched; numbers need no look", async () => {
    const service = (over: object = {}) => ({ port: 8000, ...over });
    const mounts = [{ source: "cache", path: "/cache", readOnly: true }];
    const groups = (...names: string[]) => ({ vendor: "amd" as const, groups: names });
    const { resources } = await build({
      nodes: [
        predict({ name: "plain" }),
        predict({ name: "numbers", service: service({ user: "1000:44" }), gpus: groups("44") }),
        predict({ name: "mounted", service: service({ mounts, user: "7" }) }),
        predict({ name: "user", service: service({ user: "app" }) }),
        predict({ name: "group", gpus: groups("render", "44") }),
        { name: "ollama", image: IMAGE, gpus: groups("video") },
      ],
    });
    const looked = stepInput(one(resources, COMMAND, "lab-local-mounts"));
    const at = (node: string) => ({ node, container: `lab-${node}`, image: IMAGE, mounts: [] });
    expect(looked["services"]).toEqual([
      { ...at("mounted"), user: "7", mounts },
      { ...at("user"), user: "app" },
      { ...at("group"), groups: ["render"] },
      { ...at("ollama"), groups: ["video"] },
    ]);
  });

  test("the example call asks for a declared path", async () => {
    const routes = { set: "none" as const, paths: [{ path: "/predict" }] };
    const { result } = await build({ nodes: [predict()], balancer: { routes } });
    expect(await valueOf(result.curl)).toBe("curl http://127.0.0.1:11434/predict");
  });
});

test("the environment of a stack file's service is kept secret", async () => {
  const nodes = JSON.stringify([{ name: "one", service: { port: 1, environment: { A: "b" } } }]);
  const { result } = await record(() => readStackConfig(new pulumi.Config("ollama-mesh")), {
    config: { "ollama-mesh:nodes": nodes },
  });
  const value = result.nodes[0]!.service!.environment!["A"];
  expect(await pulumi.isSecret(value as pulumi.Output<string>)).toBe(true);
});

test("a node's name, or a balancer's host, that is a number to YAML is told to be put in quotes", async () => {
  const refusal = record(
    () => new OllamaMesh("lab", readStackConfig(new pulumi.Config("ollama-mesh"))),
    {
      config: {
        "ollama-mesh:nodes": '[7, "b"]',
        "ollama-mesh:balancer": '{"hosts": [true, "ssh://b"], "listen": {"address": "0.0.0.0"}}',
      },
    },
  );
  await expect(refusal).rejects.toThrow(
    [
      "ollama-mesh: 2 problems in the configuration",
      '  balancer.hosts[0].host  must be text, and is a boolean without quotes; put it in quotes: "true"',
      '  nodes[0].name           must be text, and is a number without quotes; put it in quotes: "7"',
    ].join("\n"),
  );
});
