// Under Pulumi's mocks: exact inputs, parents, dependencies and options of every resource of a mesh.
// What this does not prove: diffs, replacements and real hosts.
import * as pulumi from "@pulumi/pulumi";
import { beforeEach, describe, expect, test, vi } from "vitest";

import { OllamaMesh, type NodeArgs, type OllamaMeshArgs } from "../components/index.ts";
import {
  BuildError,
  isSecret,
  one,
  record,
  reveal,
  secret,
  stepInput,
  valueOf,
  type Registered,
} from "./support/mocks.ts";

const COMMAND = "command:local:Command";
const CONTAINER = "docker:index/container:Container";
const VOLUME = "docker:index/volume:Volume";
const NETWORK = "docker:index/network:Network";
const PROVIDER = "pulumi:providers:docker";
const MESH = "ollama-mesh:index:OllamaMesh";
const HOST = "ollama-mesh:index:GpuHost";
const NODE = "ollama-mesh:index:OllamaNode";
const BALANCER = "ollama-mesh:index:LoadBalancer";
const LOCAL = "unix:///var/run/docker.sock";

/** Addresses in the network of a mesh called lab. */
const ADDRESS = { one: "10.109.54.17", two: "10.109.54.107", three: "10.109.61.4" } as const;

const build = (args: OllamaMeshArgs, name = "lab") => record(() => new OllamaMesh(name, args));

/** One line per resource: "Command lab-one-turn". */
const named = (resources: readonly Registered[]) =>
  resources.map(({ type, name }) => `${short(type)} ${name}`).toSorted();
/** What the provider is told besides the endpoint, so that no variable of the environment is heard. */
const UNDIVERTED = {
  context: "",
  certPath: "",
  caMaterial: "",
  certMaterial: "",
  keyMaterial: "",
};
const short = (type: string) => type.split(/[:/]/).at(-1)!;

/** What a resource waits for: "Command lab-one-turn". */
const waits = (resources: readonly Registered[], type: string, name: string) =>
  one(resources, type, name)
    .dependsOn.map((each) => short(each.split(" ")[0]!) + each.slice(each.indexOf(" ")))
    .toSorted();

const text = (step: string) => `import("ollama-mesh/steps").then((steps) => steps.run("${step}"))`;

/** A Command as `step` makes it, stdin apart. */
const command = (
  create: string,
  rest: { update?: string; delete?: string; triggers?: unknown[] } = {},
) => ({
  interpreter: ["node", "-e"],
  create: text(create),
  update: text(rest.update ?? create),
  ...(rest.delete ? { delete: text(rest.delete) } : {}),
  ...(rest.triggers ? { triggers: rest.triggers } : {}),
  logging: "stderr",
  addPreviousOutputInEnv: false,
});

const withoutStdin = ({ inputs }: Registered) => {
  const { stdin: _, ...rest } = inputs;
  return rest;
};

const place = {
  endpoint: LOCAL,
  container: "lab-balancer",
  volume: "lab-config",
  network: "lab-network",
};
const meshLabel = { label: "ollama-mesh", value: "lab" };

describe("a mesh of three local nodes", () => {
  const args: OllamaMeshArgs = {
    nodes: [{ name: "one" }, { name: "two", weight: 2 }, { name: "three", backup: true }],
    models: ["llama3.2:3b"],
  };
  let resources: Registered[];
  let mesh: OllamaMesh;

  beforeEach(async () => {
    ({ resources, result: mesh } = await build(args));
  });

  /** Everything of the balancer and its host that a node waits for. */
  const BALANCER_PARTS = [
    "Command lab-balancer-config",
    "Command lab-balancer-image",
    "Command lab-balancer-ports",
    "Command lab-balancer-serving",
    "Container lab-balancer",
    "Network lab-balancer-network",
    "Volume lab-balancer-config",
  ];
  const HOST_PARTS = [
    "Command lab-local-images",
    "Command lab-local-models",
    "Command lab-local-preflight",
    "Volume lab-local-models",
  ];

  test("is these resources and no other", () => {
    const nodeParts = (name: string) => [
      `Command lab-${name}-admission`,
      `Command lab-${name}-ready`,
      `Command lab-${name}-turn`,
      `Container lab-${name}`,
      `OllamaNode lab-${name}`,
    ];
    expect(named(resources)).toEqual(
      [
        "OllamaMesh lab",
        "GpuHost lab-local",
        "docker lab-local",
        "LoadBalancer lab-balancer",
        ...BALANCER_PARTS,
        ...HOST_PARTS,
        ...["one", "two", "three"].flatMap(nodeParts),
      ].toSorted(),
    );
  });

  test("every resource has its component as parent", () => {
    const parents = Object.groupBy(resources, ({ parent }) => parent);
    const children = Object.fromEntries(
      Object.entries(parents).map(([parent, own]) => [parent, named(own!)]),
    );
    const node = (name: string) => [
      `Command lab-${name}-admission`,
      `Command lab-${name}-ready`,
      `Command lab-${name}-turn`,
      `Container lab-${name}`,
    ];
    expect(children).toEqual({
      "": ["OllamaMesh lab"],
      [`${MESH} lab`]: [
        "GpuHost lab-local",
        "LoadBalancer lab-balancer",
        "OllamaNode lab-one",
        "OllamaNode lab-three",
        "OllamaNode lab-two",
      ],
      [`${HOST} lab-local`]: [...HOST_PARTS, "docker lab-local"],
      [`${BALANCER} lab-balancer`]: BALANCER_PARTS,
      [`${NODE} lab-one`]: node("one"),
      [`${NODE} lab-two`]: node("two"),
      [`${NODE} lab-three`]: node("three"),
    });
  });

  test("what is on an engine goes through its provider, and the rest through none", () => {
    const provided = resources.filter(({ provider }) => provider !== "");
    expect(named(provided)).toEqual(
      resources
        .filter(({ type }) => type.startsWith("docker:"))
        .map(({ type, name }) => `${short(type)} ${name}`)
        .toSorted(),
    );
    expect(new Set(provided.map(({ provider }) => provider))).toEqual(
      new Set([`${PROVIDER} lab-local`]),
    );
    expect(one(resources, PROVIDER, "lab-local").inputs).toEqual({ host: LOCAL, ...UNDIVERTED });
  });

  test("options are these and no other", () => {
    const step = { deleteBeforeReplace: true, replaceOnChanges: ["triggers[*]"] };
    const container = {
      deleteBeforeReplace: true,
      replaceOnChanges: ["healthcheck", "tmpfs"],
      replacementTrigger: "local",
    };
    for (const { type, name, options } of resources) {
      const looked = type === COMMAND && /-(balancer-config|admission)$/.test(name);
      const expected =
        type === COMMAND
          ? { ...step, ...(looked ? { ignoreChanges: ["environment"] } : {}) }
          : type === CONTAINER
            ? container
            : `${type} ${name}` === `${VOLUME} lab-local-models`
              ? { retainOnDelete: true, ignoreChanges: ["labels"] }
              : type === VOLUME || type === NETWORK
                ? { replacementTrigger: "local" }
                : {};
      expect(options, `${type} ${name}`).toEqual(expected);
    }
  });

  describe("dependencies", () => {
    test("the host is asked before anything is made on it; images and volume come before models", () => {
      expect(waits(resources, COMMAND, "lab-local-preflight")).toEqual([]);
      expect(waits(resources, COMMAND, "lab-local-images")).toEqual([
        "Command lab-local-preflight",
      ]);
      expect(waits(resources, VOLUME, "lab-local-models")).toEqual(["Command lab-local-preflight"]);
      expect(waits(resources, COMMAND, "lab-local-models")).toEqual([
        "Command lab-local-images",
        "Volume lab-local-models",
      ]);
    });

    test("nginx starts with its config in place and its port known to be free", () => {
      expect(waits(resources, COMMAND, "lab-balancer-image")).toEqual([
        "Command lab-local-preflight",
      ]);
      expect(waits(resources, NETWORK, "lab-balancer-network")).toEqual([
        "Command lab-local-preflight",
      ]);
      expect(waits(resources, VOLUME, "lab-balancer-config")).toEqual([
        "Command lab-local-preflight",
      ]);
      expect(waits(resources, COMMAND, "lab-balancer-ports")).toEqual([
        "Command lab-balancer-image",
      ]);
      expect(waits(resources, COMMAND, "lab-balancer-config")).toEqual([
        "Command lab-balancer-image",
        "Command lab-local-preflight",
        "Network lab-balancer-network",
        "Volume lab-balancer-config",
      ]);
      expect(waits(resources, CONTAINER, "lab-balancer")).toEqual([
        "Command lab-balancer-config",
        "Command lab-balancer-ports",
      ]);
      expect(waits(resources, COMMAND, "lab-balancer-serving")).toEqual(["Container lab-balancer"]);
    });

    test("a node: its turn, its container, ready, admitted", () => {
      expect(waits(resources, CONTAINER, "lab-one")).toEqual(
        ["Command lab-one-turn", ...HOST_PARTS].toSorted(),
      );
      expect(waits(resources, COMMAND, "lab-one-ready")).toEqual(["Container lab-one"]);
      expect(waits(resources, COMMAND, "lab-one-admission")).toEqual([
        "Command lab-one-ready",
        "Container lab-one",
      ]);
    });

    test("one at a time: the turn of each waits for the admission of the one before", () => {
      const before = [...BALANCER_PARTS, ...HOST_PARTS];
      expect(waits(resources, COMMAND, "lab-one-turn")).toEqual(before.toSorted());
      expect(waits(resources, COMMAND, "lab-two-turn")).toEqual(
        ["Command lab-one-admission", ...before].toSorted(),
      );
      expect(waits(resources, COMMAND, "lab-three-turn")).toEqual(
        ["Command lab-two-admission", ...before].toSorted(),
      );
    });

    test("the balancer waits for no node, or replacing one would replace it", () => {
      const own = resources.filter(({ parent }) => parent === `${BALANCER} lab-balancer`);
      const nodes = own
        .flatMap(({ dependsOn }) => dependsOn)
        .filter((each) => /lab-(one|two|three)/.test(each));
      expect(nodes).toEqual([]);
    });
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
        ipamConfigs: [{ subnet: "10.109.48.0/20", gateway: "10.109.48.1" }],
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
        networksAdvanced: [{ name: "lab-network", ipv4Address: "10.109.48.2" }],
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
      expect(one(resources, CONTAINER, "lab-two").inputs).toEqual({
        name: "lab-two",
        image: "ollama/ollama:0.32.15",
        envs: [
          "NVIDIA_VISIBLE_DEVICES=void",
          "OLLAMA_HOST=0.0.0.0:11434",
          "OLLAMA_KEEP_ALIVE=24h",
          "OLLAMA_NOPRUNE=1",
          "OLLAMA_NO_CLOUD=1",
          "OLLAMA_NUM_PARALLEL=2",
        ],
        networksAdvanced: [{ name: "lab-network", ipv4Address: ADDRESS.two }],
        volumes: [{ volumeName: "lab-models", containerPath: "/root/.ollama" }],
        tmpfs: { "/tmp": "mode=1777" },
        readOnly: true,
        capabilities: { drops: ["ALL"] },
        securityOpts: ["no-new-privileges:true"],
        labels: [meshLabel, { label: "ollama-mesh.node", value: "two" }],
        healthcheck: {
          tests: ["CMD", "/bin/ollama", "ps"],
          interval: "15s",
          timeout: "5s",
          retries: 3,
          startPeriod: "10s",
        },
        logDriver: "json-file",
        logOpts: { "max-file": "3", "max-size": "10m" },
        restart: "unless-stopped",
        stopTimeout: 10,
        destroyGraceSeconds: 10,
      });
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

describe("a mesh of nodes on other engines, its balancer on a third", () => {
  const [gpu1, gpu2, lb] = ["ssh://admin@gpu1.lan", "ssh://admin@gpu2.lan", "ssh://admin@lb.lan"];
  const args: OllamaMeshArgs = {
    nodes: [
      { name: "one", host: gpu1, port: 11_500 },
      { name: "two", host: gpu2, address: "10.8.0.12" },
    ],
    balancer: { host: lb, listen: { address: "0.0.0.0", port: 80 } },
  };
  const KEYS = { gpu1: "gpu1-lan-d4ea23", gpu2: "gpu2-lan-884662", lb: "lb-lan-36527e" };
  let resources: Registered[];
  let mesh: OllamaMesh;

  beforeEach(async () => {
    ({ resources, result: mesh } = await build(args));
  });

  test("has a host per engine, named after it; the balancer's holds no models", () => {
    const own = (key: string) =>
      named(resources.filter(({ parent }) => parent === `${HOST} lab-${key}`));
    const full = (key: string) => [
      `Command lab-${key}-images`,
      `Command lab-${key}-models`,
      `Command lab-${key}-preflight`,
      `Volume lab-${key}-models`,
      `docker lab-${key}`,
    ];
    expect(named(resources.filter(({ type }) => type === HOST))).toEqual(
      Object.values(KEYS)
        .map((key) => `GpuHost lab-${key}`)
        .toSorted(),
    );
    expect(own(KEYS.gpu1)).toEqual(full(KEYS.gpu1));
    expect(own(KEYS.gpu2)).toEqual(full(KEYS.gpu2));
    expect(own(KEYS.lb)).toEqual([`Command lab-${KEYS.lb}-preflight`, `docker lab-${KEYS.lb}`]);
  });

  test("each resource goes to its own engine", () => {
    const providers = Object.fromEntries(
      resources
        .filter(({ type }) => type.startsWith("docker:"))
        .map(({ type, name, provider }) => [`${short(type)} ${name}`, provider]),
    );
    expect(providers).toEqual({
      "Container lab-balancer": `${PROVIDER} lab-${KEYS.lb}`,
      "Network lab-balancer-network": `${PROVIDER} lab-${KEYS.lb}`,
      "Volume lab-balancer-config": `${PROVIDER} lab-${KEYS.lb}`,
      "Container lab-one": `${PROVIDER} lab-${KEYS.gpu1}`,
      [`Volume lab-${KEYS.gpu1}-models`]: `${PROVIDER} lab-${KEYS.gpu1}`,
      "Container lab-two": `${PROVIDER} lab-${KEYS.gpu2}`,
      [`Volume lab-${KEYS.gpu2}-models`]: `${PROVIDER} lab-${KEYS.gpu2}`,
    });
    // The mocks get lists of a provider as JSON.
    const sshOpts = JSON.stringify(
      [
        "BatchMode=yes",
        "ConnectTimeout=10",
        "ServerAliveInterval=10",
        "ServerAliveCountMax=3",
      ].flatMap((option) => ["-o", option]),
    );
    for (const [key, host] of [
      [KEYS.gpu1, gpu1],
      [KEYS.lb, lb],
    ] as const) {
      const { inputs } = one(resources, PROVIDER, `lab-${key}`);
      expect(inputs).toEqual({ host, ...UNDIVERTED, sshOpts });
    }
  });

  test("what is on an engine is replaced when it is to be on another one", () => {
    const trigger = (type: string, name: string) =>
      one(resources, type, name).options.replacementTrigger;
    expect(trigger(CONTAINER, "lab-one")).toBe(KEYS.gpu1);
    expect(trigger(CONTAINER, "lab-two")).toBe(KEYS.gpu2);
    expect(trigger(CONTAINER, "lab-balancer")).toBe(KEYS.lb);
    expect(trigger(NETWORK, "lab-balancer-network")).toBe(KEYS.lb);
    expect(trigger(VOLUME, "lab-balancer-config")).toBe(KEYS.lb);
  });

  test("all hosts are looked at together before one of them is asked, and each by its needs", () => {
    const hosts = one(resources, COMMAND, "lab-hosts");
    expect(hosts.parent).toBe(`${MESH} lab`);
    expect(waits(resources, COMMAND, "lab-hosts")).toEqual([]);
    expect(withoutStdin(hosts)).toEqual({ ...command("hosts"), addPreviousOutputInEnv: true });
    const needs = (endpoint: string, more: object) => ({
      endpoint,
      nvidia: false,
      amd: false,
      mesh: "lab",
      for: expect.stringMatching(/^[0-9a-f]{16}$/) as string,
      ...more,
    });
    const models = { volume: "lab-models", minimumFreeGiB: 2 };
    expect(stepInput(hosts)).toEqual({
      hosts: [
        needs(gpu1, { nodes: ["one"], ports: [{ ip: "0.0.0.0", port: 11_500 }], ...models }),
        needs(gpu2, { nodes: ["two"], ports: [{ ip: "10.8.0.12", port: 11_434 }], ...models }),
        needs(lb, { nodes: [], ports: [] }),
      ],
    });
    for (const key of Object.values(KEYS)) {
      expect(waits(resources, COMMAND, `lab-${key}-preflight`)).toEqual(["Command lab-hosts"]);
    }
  });

  test("nodes on other engines must be within the balancer's reach before they are touched", () => {
    const reach = one(resources, COMMAND, "lab-balancer-reach");
    expect(withoutStdin(reach)).toEqual({ ...command("reach"), addPreviousOutputInEnv: true });
    expect(stepInput(reach)).toEqual({
      balancer: { ...place, endpoint: lb },
      image: "nginx:1.30.6",
      nodes: [
        { node: "one", address: "gpu1.lan", port: 11_500 },
        { node: "two", address: "10.8.0.12", port: 11_434 },
      ],
    });
    expect(waits(resources, COMMAND, "lab-balancer-reach")).toEqual([
      "Command lab-balancer-image",
      "Network lab-balancer-network",
    ]);
    expect(waits(resources, COMMAND, "lab-one-turn")).toContain("Command lab-balancer-reach");
  });

  test("no node is touched before all hosts are prepared, the balancer's included", () => {
    const hosts = waits(resources, COMMAND, "lab-one-turn").filter((each) => /-lan-/.test(each));
    expect(hosts).toEqual(
      [
        ...[KEYS.gpu1, KEYS.gpu2].flatMap((key) => [
          `Command lab-${key}-images`,
          `Command lab-${key}-models`,
          `Command lab-${key}-preflight`,
          `Volume lab-${key}-models`,
        ]),
        `Command lab-${KEYS.lb}-preflight`,
      ].toSorted(),
    );
  });

  test("a node is published on its host and in no mesh network", () => {
    const { inputs } = one(resources, CONTAINER, "lab-one");
    expect(inputs["ports"]).toEqual([{ ip: "0.0.0.0", external: 11_500, internal: 11_434 }]);
    expect(inputs).not.toHaveProperty("networksAdvanced");
    expect(one(resources, CONTAINER, "lab-two").inputs["ports"]).toEqual([
      { ip: "10.8.0.12", external: 11_434, internal: 11_434 },
    ]);
  });

  test("readiness is looked at on the node's engine, traffic is given on the balancer's", () => {
    const there = { ...place, endpoint: lb };
    const ready = stepInput(one(resources, COMMAND, "lab-one-ready"));
    expect([ready["endpoint"], ready["balancer"], ready["address"], ready["port"]]).toEqual([
      gpu1,
      there,
      "gpu1.lan",
      11_500,
    ]);
    expect(stepInput(one(resources, COMMAND, "lab-one-admission"))).toEqual({
      balancer: there,
      node: "one",
      address: "gpu1.lan",
      port: 11_500,
      line: "server gpu1.lan:11500 weight=1 max_fails=10 fail_timeout=2s;",
      healthPath: "/api/version",
      drainTimeoutSeconds: 600,
      engine: gpu1,
    });
  });

  test("its endpoint is the balancer's host", async () => {
    expect(await valueOf(mesh.endpoint)).toBe("http://lb.lan:80");
    expect(await valueOf(mesh.nodes)).toEqual([
      { name: "one", address: "gpu1.lan:11500", state: "active" },
      { name: "two", address: "10.8.0.12:11434", state: "active" },
    ]);
  });
});

describe("a mesh of a server that it does not run", () => {
  let resources: Registered[];
  let mesh: OllamaMesh;
  beforeEach(async () => {
    ({ resources, result: mesh } = await build({
      nodes: [{ name: "vllm", managed: false, address: "10.0.0.9", port: 8000 }],
    }));
  });

  test("is the balancer and one admission; nothing of the server is made", () => {
    expect(named(resources)).toEqual([
      "Command lab-balancer-config",
      "Command lab-balancer-image",
      "Command lab-balancer-ports",
      "Command lab-balancer-serving",
      "Command lab-local-preflight",
      "Command lab-vllm-admission",
      "Container lab-balancer",
      "GpuHost lab-local",
      "LoadBalancer lab-balancer",
      "Network lab-balancer-network",
      "OllamaMesh lab",
      "OllamaNode lab-vllm",
      "Volume lab-balancer-config",
      "docker lab-local",
    ]);
  });

  test("the admission asks for any answer, after the balancer serves, and is never replaced", () => {
    const admission = one(resources, COMMAND, "lab-vllm-admission");
    expect(withoutStdin(admission)).toEqual(command("admit", { update: "amend", delete: "drain" }));
    expect(stepInput(admission)).toEqual({
      balancer: place,
      node: "vllm",
      address: "10.0.0.9",
      port: 8000,
      line: "server 10.0.0.9:8000 weight=1 max_fails=10 fail_timeout=2s;",
      healthPath: "/",
      drainTimeoutSeconds: 600,
    });
    expect(waits(resources, COMMAND, "lab-vllm-admission")).toEqual([
      "Command lab-balancer-config",
      "Command lab-balancer-image",
      "Command lab-balancer-ports",
      "Command lab-balancer-serving",
      "Container lab-balancer",
      "Network lab-balancer-network",
      "Volume lab-balancer-config",
    ]);
  });

  test("its example call leaves the model open, which the mesh does not know", async () => {
    expect(await valueOf(mesh.curl)).toContain('"model":"MODEL"');
  });
});

test("between managed nodes, one that is not managed is no link of the chain", async () => {
  const { resources } = await build({
    nodes: [
      { name: "one" },
      { name: "vllm", managed: false, address: "10.0.0.9" },
      { name: "two" },
    ],
  });
  const admissions = (name: string) =>
    waits(resources, COMMAND, name).filter((each) => each.endsWith("-admission"));
  expect(admissions("lab-two-turn")).toEqual(["Command lab-one-admission"]);
  expect(admissions("lab-vllm-admission")).toEqual([]);
});

describe("GPUs", () => {
  test("go to the container as declared, and the host is asked for NVIDIA's runtime", async () => {
    const { resources } = await build({
      nodes: [
        { name: "one", gpus: { vendor: "nvidia", devices: ["0", "1"] } },
        { name: "two", gpus: { vendor: "amd" }, host: "ssh://gpu1.lan" },
      ],
    });
    expect(one(resources, CONTAINER, "lab-one").inputs["deviceRequests"]).toEqual([
      { driver: "nvidia", deviceIds: ["0", "1"], capabilities: ["gpu"] },
    ]);
    const amd = one(resources, CONTAINER, "lab-two").inputs;
    expect([amd["image"], amd["groupAdds"], amd["devices"]]).toEqual([
      "ollama/ollama:0.32.15-rocm",
      ["video"],
      ["/dev/dri", "/dev/kfd"].map((path) => ({
        hostPath: path,
        containerPath: path,
        permissions: "rwm",
      })),
    ]);
    const asked = (name: string) => stepInput(one(resources, COMMAND, name))["nvidia"];
    expect(asked("lab-local-preflight")).toBe(true);
    expect(asked("lab-gpu1-lan-75e3c7-preflight")).toBe(false);
    expect(stepInput(one(resources, COMMAND, "lab-gpu1-lan-75e3c7-images"))["images"]).toEqual([
      "ollama/ollama:0.32.15-rocm",
    ]);
  });
});

describe("hosts that share models", () => {
  test("each knows where the others' models are: at the address of a published node", async () => {
    const { resources } = await build({
      nodes: [
        { name: "one" },
        { name: "two", host: "ssh://ops@gpu1.lan", address: "10.8.0.11" },
        { name: "three", host: "ssh://gpu2.lan" },
      ],
      models: ["tiny"],
    });
    const place = (endpoint: string, address?: string) => ({
      endpoint,
      volume: "lab-models",
      image: "ollama/ollama:0.32.15",
      ...(address ? { address } : {}),
    });
    const models = resources.filter(({ name }) => /^lab-(local|gpu\d-lan-\w+)-models$/.test(name));
    const peers = models
      .filter(({ type }) => type === COMMAND)
      .map((each) => [stepInput(each)["endpoint"], stepInput(each)["peers"]] as const);
    const [local, first, second] = [
      place(LOCAL),
      place("ssh://ops@gpu1.lan", "10.8.0.11"),
      place("ssh://gpu2.lan", "gpu2.lan"),
    ];
    expect(Object.fromEntries(peers)).toEqual({
      [local.endpoint]: [first, second],
      [first.endpoint]: [local, second],
      [second.endpoint]: [local, first],
    });
  });
});

describe("how much of the model must be on the GPU", () => {
  test.each<[string, NonNullable<NodeArgs["gpus"]> | undefined, number | undefined]>([
    ["not asked of a node without GPUs", undefined, undefined],
    ["not asked with vendor none", { vendor: "none" }, undefined],
    ["some of it where GPUs are declared", { vendor: "nvidia" }, 1],
    ["what is declared", { vendor: "amd", minimumPercent: 100 }, 100],
    ["not asked when declared as 0", { vendor: "amd", minimumPercent: 0 }, undefined],
  ])("%s", async (_, gpus, asked) => {
    const { resources } = await build({ nodes: [{ name: "one", ...(gpus ? { gpus } : {}) }] });
    const ready = stepInput(one(resources, COMMAND, "lab-one-ready"));
    expect(ready["minimumGpuPercent"]).toBe(asked);
  });
});

describe("maxUnavailable 2", () => {
  test("rolls two at a time: each pair waits for the admissions of the pair before", async () => {
    const { resources } = await build({
      nodes: ["a", "b", "c", "d", "e"].map((name) => ({ name })),
      rollout: { maxUnavailable: 2 },
    });
    const admissions = (name: string) =>
      waits(resources, COMMAND, `lab-${name}-turn`).filter((each) => each.endsWith("-admission"));
    expect(
      Object.fromEntries(["a", "b", "c", "d", "e"].map((name) => [name, admissions(name)])),
    ).toEqual({
      a: [],
      b: [],
      c: ["Command lab-a-admission", "Command lab-b-admission"],
      d: ["Command lab-a-admission", "Command lab-b-admission"],
      e: ["Command lab-c-admission", "Command lab-d-admission"],
    });
    expect(stepInput(one(resources, COMMAND, "lab-a-turn"))["maxUnavailable"]).toBe(2);
  });
});

describe("maintenance", () => {
  test("the node is not asked for anything, and its line says down", async () => {
    const { resources } = await build({ nodes: [{ name: "one", maintenance: true }] });
    expect(stepInput(one(resources, COMMAND, "lab-one-ready"))["maintenance"]).toBe(true);
    const admission = stepInput(one(resources, COMMAND, "lab-one-admission"));
    expect(admission).not.toHaveProperty("healthPath");
    expect(admission["line"]).toMatch(/ down;$/);
  });
});

describe("offline", () => {
  const host = "ssh://gpu1.lan";
  const off = { host, offline: true };
  const args: OllamaMeshArgs = {
    nodes: [
      { name: "one" },
      { name: "two", ...off },
      { name: "three", port: 11_500, ...off },
      { name: "vllm", managed: false, address: "10.0.0.9", offline: true },
    ],
  };

  test("everything on the host is left as it is and forgotten without contact, and nothing else", async () => {
    const { resources } = await build(args);
    const frozen = resources.filter(({ options }) => options.ignoreChanges?.includes("*"));
    expect(named(frozen)).toEqual([
      "Command lab-gpu1-lan-75e3c7-images",
      "Command lab-gpu1-lan-75e3c7-models",
      "Command lab-gpu1-lan-75e3c7-preflight",
      "Command lab-three-ready",
      "Command lab-two-ready",
      "Container lab-three",
      "Container lab-two",
      "Volume lab-gpu1-lan-75e3c7-models",
      "docker lab-gpu1-lan-75e3c7",
    ]);
    expect(frozen.filter(({ options }) => !options.retainOnDelete)).toEqual([]);
  });

  test("turn and admission, which are the balancer's, are told of it; no other node waits for them", async () => {
    const { resources } = await build(args);
    for (const name of ["lab-two-turn", "lab-two-admission", "lab-vllm-admission"]) {
      expect(stepInput(one(resources, COMMAND, name))["offline"], name).toBe(true);
    }
    expect(stepInput(one(resources, COMMAND, "lab-one-admission"))).not.toHaveProperty("offline");
    const admissions = waits(resources, COMMAND, "lab-one-turn").filter((each) =>
      each.endsWith("-admission"),
    );
    expect(admissions).toEqual([]);
  });

  test("what an offline node is made of may change without a change of its turn", async () => {
    const turn = async (image: string) => {
      const nodes = args.nodes.map((node) => (node.name === "two" ? { ...node, image } : node));
      return one((await build({ nodes })).resources, COMMAND, "lab-two-turn").inputs;
    };
    expect(await turn("a:1")).toEqual(await turn("b:2"));
  });

  test("is the node's state", async () => {
    const { result } = await build(args);
    const states = (await valueOf(result.nodes)).map(({ state }) => state);
    expect(states).toEqual(["active", "offline", "offline", "offline"]);
  });
});

describe("what a change touches", () => {
  /** Resources whose inputs differ, or that only one of two meshes has. */
  const changed = async (before: OllamaMeshArgs, after: OllamaMeshArgs) => {
    const [one, two] = [(await build(before)).resources, (await build(after)).resources];
    const byUrn = (all: Registered[]) =>
      new Map(all.map(({ urn, inputs }) => [urn, JSON.stringify(inputs)]));
    const [old, now] = [byUrn(one), byUrn(two)];
    const differing = [...one, ...two].filter(({ urn }) => old.get(urn) !== now.get(urn));
    return [...new Set(named(differing))];
  };
  const nodes = [{ name: "one" }, { name: "two" }];

  test("a weight, a backup: one admission", async () => {
    expect(
      await changed({ nodes }, { nodes: [{ name: "one", weight: 5 }, { name: "two" }] }),
    ).toEqual(["Command lab-one-admission"]);
  });

  test("maintenance: that node's gate and admission", async () => {
    expect(
      await changed({ nodes }, { nodes: [{ name: "one", maintenance: true }, { name: "two" }] }),
    ).toEqual(["Command lab-one-admission", "Command lab-one-ready"]);
  });

  test("the order of nodes: nothing", async () => {
    expect(await changed({ nodes }, { nodes: nodes.toReversed() })).toEqual([]);
  });

  test("a further node: its own resources and a new look at the host", async () => {
    expect(await changed({ nodes }, { nodes: [...nodes, { name: "three" }] })).toEqual([
      "Command lab-local-preflight",
      "Command lab-three-admission",
      "Command lab-three-ready",
      "Command lab-three-turn",
      "Container lab-three",
      "OllamaNode lab-three",
    ]);
  });

  test("a node's setting: its turn and container, a new look at the host", async () => {
    const after = [{ name: "one", ollama: { numParallel: 4 } }, { name: "two" }];
    expect(await changed({ nodes }, { nodes: after })).toEqual([
      "Command lab-local-preflight",
      "Command lab-one-turn",
      "Container lab-one",
    ]);
  });

  test("a value of the environment: the same, or a dead host would be met in the middle", async () => {
    const of = (value: string): OllamaMeshArgs => ({
      nodes: [
        { name: "one", ollama: { environment: { A: pulumi.output(value) } } },
        { name: "two" },
      ],
    });
    expect(await changed(of("1"), of("2"))).toEqual([
      "Command lab-local-preflight",
      "Command lab-one-turn",
      "Container lab-one",
    ]);
  });

  test("a setting of nginx: its config and no container", async () => {
    expect(await changed({ nodes }, { nodes, balancer: { readTimeoutSeconds: 60 } })).toEqual([
      "Command lab-balancer-config",
    ]);
  });

  test("the method by which nginx counts failures: config none, every admission", async () => {
    expect(await changed({ nodes }, { nodes, balancer: { maxFails: 5 } })).toEqual([
      "Command lab-one-admission",
      "Command lab-two-admission",
    ]);
  });

  test("another host: the container is made there under another provider, and deleted here", async () => {
    const after = [{ name: "one", host: "ssh://gpu1.lan" }, { name: "two" }];
    const { resources } = await build({ nodes: after });
    expect(one(resources, CONTAINER, "lab-one").provider).toBe(`${PROVIDER} lab-gpu1-lan-75e3c7`);
  });
});

describe("names", () => {
  test("of nodes that look like the mesh's own resources never clash", async () => {
    const tricky = [
      "local",
      "one",
      "one-turn",
      "one-ready",
      "models",
      "network",
      "config",
      "local-models",
      "balancer-config",
      "balancer-serving",
    ];
    const { resources } = await build({ nodes: tricky.map((name) => ({ name })) });
    const urns = resources.map(({ urn }) => urn);
    expect(new Set(urns).size).toBe(urns.length);
    const names = resources
      .filter(({ type }) => type === CONTAINER)
      .map(({ inputs }) => String(inputs["name"]));
    expect(new Set(names).size).toBe(names.length);
  });

  test("two meshes stand in one program", async () => {
    const { resources } = await record(() => [
      new OllamaMesh("lab", { nodes: [{ name: "one" }] }),
      new OllamaMesh("prod", { nodes: [{ name: "one" }], balancer: { listen: { port: 11_435 } } }),
    ]);
    const urns = resources.map(({ urn }) => urn);
    expect(new Set(urns).size).toBe(urns.length);
    expect(resources.filter(({ type }) => type === MESH).map(({ name }) => name)).toEqual([
      "lab",
      "prod",
    ]);
  });
});

describe("options of the mesh", () => {
  test("a provider option or protect reaches its children", async () => {
    const { resources } = await record(
      () => new OllamaMesh("lab", { nodes: [{ name: "one" }] }, { protect: true }),
    );
    expect(resources.filter(({ options }) => !options.protect)).toEqual([]);
  });
});

describe("mistakes", () => {
  /** The error of a build, and what was registered all the same. */
  async function refusal(args: unknown, name = "lab") {
    const error = await build(args as OllamaMeshArgs, name).catch((caught: unknown) => caught);
    if (!(error instanceof BuildError)) throw new Error("the build did not fail");
    return error;
  }

  test("are one ResourceError on the mesh, without a stack, and nothing else is registered", async () => {
    const error = await refusal({
      nodes: [
        { name: "one", port: 0 },
        { name: "one", gpuz: 1 },
      ],
    });
    expect(error.cause).toBeInstanceOf(pulumi.ResourceError);
    expect((error.cause as pulumi.ResourceError).hideStack).toBe(true);
    expect(error.message).toBe(
      [
        "ollama-mesh: 2 problems in the configuration",
        "  nodes[0].port  must be a whole number, 1-65535, got 0",
        '  nodes[1].gpuz  is not a setting; did you mean "gpus"?',
      ].join("\n"),
    );
    expect(named(error.resources)).toEqual(["OllamaMesh lab"]);
  });

  test("in the mesh's name are told like any other", async () => {
    const { message, resources } = await refusal({ nodes: [{ name: "one" }] }, "Lab_1");
    expect(message).toBe(
      'ollama-mesh: 1 problem in the configuration\n  name of the mesh  must be lower-case letters, digits and "-", up to 40, since Docker names begin with it, got "Lab_1"',
    );
    expect(named(resources)).toEqual(["OllamaMesh Lab_1"]);
  });

  test.each<[string, (late: pulumi.Output<never>) => unknown, string]>([
    ["nodes", (late) => ({ nodes: late }), "nodes"],
    ["a node", (late) => ({ nodes: [late] }), "nodes[0]"],
    ["a node's name", (late) => ({ nodes: [{ name: late }] }), "nodes[0].name"],
    ["a node's host", (late) => ({ nodes: [{ name: "a", host: late }] }), "nodes[0].host"],
    ["a port", (late) => ({ nodes: [{ name: "a", port: late }] }), "nodes[0].port"],
    ["a model", (late) => ({ nodes: [{ name: "a" }], models: [late] }), "models[0]"],
    ["all models", (late) => ({ nodes: [{ name: "a" }], models: late }), "models"],
    [
      "a listen address",
      (late) => ({ nodes: [{ name: "a" }], balancer: { listen: { address: late } } }),
      "balancer.listen.address",
    ],
    [
      "an environment as a whole",
      (late) => ({ nodes: [{ name: "a", ollama: { environment: late } }] }),
      "nodes[0].ollama.environment",
    ],
  ])("an Output as %s is refused, since it decides what exists", async (_, args, path) => {
    const { message, resources } = await refusal(args(pulumi.output("x") as pulumi.Output<never>));
    expect(message).toBe(
      `ollama-mesh: 1 problem in the configuration\n  ${path}  must be a plain value, not another resource's output: it decides which resources exist`,
    );
    expect(named(resources)).toEqual(["OllamaMesh lab"]);
  });
});

/** A resource whose output a preview does not know. */
class Supplier extends pulumi.CustomResource {
  declare readonly token: pulumi.Output<string>;
  constructor() {
    super("test:index:Supplier", "supplier", { token: undefined });
  }
}

/** How Pulumi writes a value that is not known yet. */
const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

describe("values that other resources supply", () => {
  const late = <T>(value: T) => pulumi.output(Promise.resolve(value));

  test("an image and an address arrive where they belong", async () => {
    const { resources, result } = await build({
      nodes: [
        { name: "one", image: late("own:1") },
        { name: "two" },
        { name: "vllm", managed: false, address: late("10.0.0.9") },
        { name: "far", host: "ssh://gpu1.lan", address: late("10.8.0.11") },
      ],
      image: late("all:2"),
      balancer: { image: late("nginx:late") },
    });
    const image = (name: string) => one(resources, CONTAINER, name).inputs["image"];
    expect(["lab-one", "lab-two", "lab-balancer"].map(image)).toEqual([
      "own:1",
      "all:2",
      "nginx:late",
    ]);
    expect(stepInput(one(resources, COMMAND, "lab-local-images"))["images"]).toEqual([
      "all:2",
      "own:1",
    ]);
    expect(stepInput(one(resources, COMMAND, "lab-vllm-admission"))["line"]).toBe(
      "server 10.0.0.9:11434 weight=1 max_fails=10 fail_timeout=2s;",
    );
    expect(one(resources, CONTAINER, "lab-far").inputs["ports"]).toEqual([
      { ip: "10.8.0.11", external: 11_434, internal: 11_434 },
    ]);
    expect((await valueOf(result.nodes)).map(({ address }) => address)).toEqual([
      `${ADDRESS.one}:11434`,
      `${ADDRESS.two}:11434`,
      "10.0.0.9:11434",
      "10.8.0.11:11434",
    ]);
    expect(JSON.stringify(resources.map(({ inputs }) => inputs))).not.toMatch(/known.later/);
  });

  test("a promise is as good as an Output", async () => {
    const { resources } = await build({
      nodes: [{ name: "one", image: Promise.resolve("own:1") }],
    });
    expect(one(resources, CONTAINER, "lab-one").inputs["image"]).toBe("own:1");
  });

  test("an environment value arrives in the container alone", async () => {
    const { resources } = await build({
      nodes: [{ name: "one", ollama: { environment: { TOKEN: late("hello-from-afar") } } }],
    });
    expect(one(resources, CONTAINER, "lab-one").inputs["envs"]).toContain("TOKEN=hello-from-afar");
    const holders = resources.filter(({ inputs }) =>
      JSON.stringify(inputs).includes("hello-from-afar"),
    );
    expect(named(holders)).toEqual(["Container lab-one"]);
  });

  test("in a preview what is not known yet stays unknown, and everything else is shown", async () => {
    const { resources } = await record(
      () =>
        new OllamaMesh("lab", {
          nodes: [{ name: "one", ollama: { environment: { TOKEN: new Supplier().token } } }],
        }),
      { preview: true },
    );
    const { inputs } = one(resources, CONTAINER, "lab-one");
    expect([inputs["name"], inputs["image"]]).toEqual(["lab-one", "ollama/ollama:0.32.15"]);
    expect(inputs["envs"]).toBe(UNKNOWN);
  });
});

describe("secrets", () => {
  const value = "hunter2-in-the-environment";

  test("a secret environment value is secret in its container, and in no plain input anywhere", async () => {
    const { resources } = await build({
      nodes: [
        { name: "one", ollama: { environment: { TOKEN: pulumi.secret(value) } } },
        { name: "two" },
      ],
    });
    const { inputs } = one(resources, CONTAINER, "lab-one");
    expect(inputs["envs"]).toEqual(
      secret([
        "NVIDIA_VISIBLE_DEVICES=void",
        "OLLAMA_HOST=0.0.0.0:11434",
        "OLLAMA_KEEP_ALIVE=24h",
        "OLLAMA_NOPRUNE=1",
        "OLLAMA_NO_CLOUD=1",
        "OLLAMA_NUM_PARALLEL=2",
        `TOKEN=${value}`,
      ]),
    );
    const hidden = resources.flatMap(({ name, inputs }) =>
      Object.entries(inputs)
        .filter(([, input]) => isSecret(input))
        .map(([key]) => `${name}.${key}`),
    );
    // The turn's hash is made of it.
    expect(hidden.toSorted()).toEqual([
      "lab-local-preflight.stdin",
      "lab-one-turn.stdin",
      "lab-one.envs",
    ]);
    const holders = resources.flatMap(({ name, inputs }) =>
      Object.entries(inputs)
        .filter(([, input]) => JSON.stringify(reveal(input)).includes(value))
        .map(([key]) => `${name}.${key}`),
    );
    expect(holders).toEqual(["lab-one.envs"]);
  });

  test("one of the whole mesh is secret in every node's container", async () => {
    const { resources } = await build({
      nodes: [{ name: "one" }, { name: "two" }],
      ollama: { environment: { TOKEN: pulumi.secret(value) } },
    });
    for (const name of ["lab-one", "lab-two"]) {
      expect(isSecret(one(resources, CONTAINER, name).inputs["envs"])).toBe(true);
    }
  });
});

describe("the program of this folder", () => {
  const config = {
    "ollama-mesh:nodes": JSON.stringify(["one", { name: "two", weight: 2 }]),
    "ollama-mesh:models": "[]",
    "ollama-mesh:image": "",
    "ollama-mesh:ollama": JSON.stringify({ environment: { TOKEN: "hunter2-in-the-config" } }),
    "ollama-mesh:balancer": "{}",
    "ollama-mesh:rollout": "{}",
  };
  const run = (secretKeys: string[] = []) => {
    vi.resetModules();
    return record(() => import("../index.ts"), { stack: "lab", config, secretKeys });
  };

  test("is a mesh named after project and stack, its outputs those of the stack", async () => {
    const { resources, result } = await run();
    expect(resources.filter(({ type }) => type === MESH).map(({ name }) => name)).toEqual([
      "ollama-mesh-lab",
    ]);
    expect(Object.keys(result).toSorted()).toEqual(["curl", "endpoint", "nodes"]);
    expect((await valueOf(result.nodes)).map(({ name }) => name)).toEqual(["one", "two"]);
  });

  test("what is secret in the stack's config stays secret in the state", async () => {
    const { resources } = await run(["ollama-mesh:ollama"]);
    const plain = resources.filter(({ inputs }) =>
      Object.values(inputs).some(
        (input) => !isSecret(input) && JSON.stringify(input).includes("hunter2-in-the-config"),
      ),
    );
    expect(named(plain)).toEqual([]);
  });
});
