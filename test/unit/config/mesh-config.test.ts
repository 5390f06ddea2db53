// What the configuration may say: a valid list, an invalid list with attacks.
import { describe, expect, test } from "vitest";

import { parseMesh } from "../../../config/parse-mesh.ts";
import {
  messageOf,
  pathOf,
  problemPaths,
  problemsOf,
  shownPath,
  withValue,
} from "../../support/config-problems.ts";

describe("valid", () => {
  const VALID: Record<string, readonly unknown[]> = {
    "nodes.0.name": ["a", "gpu-1", "0", "a".repeat(40), "a--b"],
    "nodes.0.host": [
      "ssh://gpu1",
      "ssh://admin@gpu1.lan",
      "ssh://admin@10.0.0.7:2222",
      "ssh://a.b-c_d@GPU_1.lan",
      "tcp://10.0.0.7:2376",
    ],
    "nodes.0": [
      { name: "a", host: "unix:///run/user/1000/docker.sock", address: "10.0.0.7" },
      { name: "a", managed: false, address: "10.0.0.7", port: 8000 },
    ],
    "nodes.0.address": ["10.0.0.7", "gpu1", "GPU1.lan", "1gpu.lan", "xn--bcher-kva.example"],
    "nodes.0.port": [1, 80, 65535],
    "nodes.0.weight": [1, 1000],
    "nodes.0.backup": [true, false],
    "nodes.0.maintenance": [true, false],
    "nodes.0.maxConnections": [0, 2, 100_000],
    "nodes.0.managed": [true],
    "nodes.0.gpus": [
      {},
      { vendor: "none" },
      { vendor: "nvidia" },
      { vendor: "amd" },
      { vendor: "nvidia", devices: ["0", "1"] },
      { vendor: "nvidia", devices: ["GPU-8a5f3c9e-1b2d-4e6f-9a0b-1c2d3e4f5a6b"] },
      { vendor: "nvidia", devices: ["MIG-GPU-8a5f3c9e/1/0"] },
      { vendor: "nvidia", devices: ["nvidia.com/gpu=0"] },
      { vendor: "amd", devices: ["0"], groups: ["video", "render", "109"] },
      { vendor: "amd", minimumPercent: 0 },
      { vendor: "nvidia", minimumPercent: 100 },
    ],
    "nodes.0.image": [
      "ollama/ollama",
      "ollama/ollama:0.32.15-rocm",
      "registry.lan:5000/team/ollama:1",
      `ollama/ollama@sha256:${"0".repeat(64)}`,
    ],
    "nodes.0.models": [
      ...[[], ["llama3.2:3b"], ["hf.co/bartowski/Llama-3.2-3B-Instruct-GGUF:Q4_K_M"]],
      ...[["a_b"], ["x-:_y"], ["team/tiny.v1"], ["http://10.0.0.1:5000/team/tiny:v1"]],
    ],
    "nodes.0.memoryMib": [64, 100_000_000],
    "nodes.0.cpus": [0.5, 1, 128, 2.25, 1 / 3],
    "ollama.keepAlive": ["5m", "24h", "1h30m", "1.5h", "300ms", "0", "-1", "300"],
    "ollama.kvCacheType": ["f16", "q8_0", "q4_0"],
    "ollama.flashAttention": [true, false],
    "ollama.environment": [{}, { HTTPS_PROXY: "http://proxy.lan:3128" }, { _A1: "$x; \n \"'`" }],
    "balancer.listen": [{}, { address: "0.0.0.0" }, { address: "::", port: 80 }, { port: 1 }],
    "balancer.algorithm": ["least_conn", "round_robin", "ip_hash", "random_two_least_conn"],
    "balancer.subnet": ["10.0.0.0/16", "172.30.7.0/24", "10.25.240.0/20"],
    "balancer.connectTimeoutSeconds": [1, 15],
    "rollout.maxUnavailable": [1],
    "rollout.drainTimeoutSeconds": [0, 86_400],
    "rollout.minimumFreeGib": [0, 0.5],
  };
  for (const [dotted, values] of Object.entries(VALID)) {
    const path = pathOf(dotted);
    test.each(values.map((value) => [JSON.stringify(value), value]))(`${dotted} %s`, (_, value) => {
      const input = withValue(path, value);
      expect(parseMesh(structuredClone(input))).toEqual(input);
    });
  }

  test("a setting that is undefined is the same as one left out", () => {
    const parsed = parseMesh({
      nodes: [{ name: "a", port: undefined, gpus: { vendor: undefined } }],
      balancer: undefined,
    });
    expect(parsed).toEqual({ nodes: [{ name: "a", gpus: {} }] });
    expect(Object.keys(parsed.nodes[0]!)).toEqual(["name", "gpus"]);
  });

  test("the arguments are not changed", () => {
    const given = Object.freeze({ nodes: Object.freeze([Object.freeze({ name: "a" })]) });
    expect(parseMesh(given)).toEqual({ nodes: [{ name: "a" }] });
  });

  test("500 nodes are a mesh, 501 are not", () => {
    const nodes = Array.from({ length: 501 }, (_, i) => ({ name: `n${i}` }));
    expect(parseMesh({ nodes: nodes.slice(1) }).nodes).toHaveLength(500);
    expect(problemsOf({ nodes })).toEqual([
      { path: "nodes", text: "must have at most 500 nodes, got a list" },
    ]);
  });
});

describe("attacks", () => {
  /** Every setting that takes text which ends up in nginx, docker or a shell. */
  const TEXTS: (string | number)[][] = [
    ["nodes", 0, "name"],
    ["nodes", 0, "host"],
    ["nodes", 0, "address"],
    ["nodes", 0, "image"],
    ["nodes", 0, "gpus", "devices", 0],
    ["nodes", 0, "gpus", "groups", 0],
    ["nodes", 0, "gpus", "vendor"],
    ["nodes", 0, "models", 0],
    ["nodes", 0, "ollama", "keepAlive"],
    ["nodes", 0, "ollama", "loadTimeout"],
    ["nodes", 0, "ollama", "kvCacheType"],
    ["models", 0],
    ["image"],
    ["ollama", "keepAlive"],
    ["ollama", "loadTimeout"],
    ["ollama", "kvCacheType"],
    ["balancer", "host"],
    ["balancer", "image"],
    ["balancer", "listen", "address"],
    ["balancer", "algorithm"],
    ["balancer", "subnet"],
  ];
  const ATTACKS: Record<string, string> = {
    "a directive after it": "a; daemon off",
    "the end of a block": "a} stream {",
    "a variable of nginx": "$host",
    "a braced variable": "${host}",
    "a shell substitution": "$(reboot)",
    backticks: "`id`",
    "a pipe": "a|id",
    "an ampersand": "a&id",
    "a redirection": "a>/etc/passwd",
    "a newline": "a\nb",
    "a newline at the end": "a\n",
    "a carriage return": "a\r\nHost: b",
    "a NUL": "a\u0000b",
    "a DEL": "a\u007f",
    "a tab": "a\tb",
    "a space": "a b",
    "a space in front": " a",
    "a double quote": 'a"b',
    "a single quote": "a'b",
    "a backslash": "a\\b",
    "a comment": "a#b",
    "a path upwards": "../../etc/passwd",
    "an option": "-x",
    "a long option": "--privileged",
    "a template": "{{.Config}}",
    nothing: "",
    "a letter beyond ASCII": "é",
    "a right-to-left mark": "a\u202eb",
    "a line separator": "a\u2028b",
    "a hundred thousand letters": "a".repeat(100_000),
  };
  for (const path of TEXTS) {
    const name = path.map((part) => (typeof part === "number" ? `[${part}]` : `.${part}`)).join("");
    test.each(Object.entries(ATTACKS))(`${name.slice(1)} refuses %s`, (_, attack) => {
      const message = messageOf(withValue(path, attack));
      const [head, ...lines] = message.split("\n");
      expect(head).toMatch(/^ollama-mesh: [12] problems? in the configuration$/);
      // Two where the value also does not go together with the rest (devices need a vendor).
      expect(lines.filter((line) => line.startsWith(`  ${name.slice(1)} `))).toHaveLength(1);
      expect(message.length).toBeLessThan(1000);
    });
  }

  test("no other line can be forged by a key", () => {
    const message = messageOf({
      nodes: [
        { name: "a", "x\n  nodes[7].port  is fine": 1, ollama: { environment: { "\n": "" } } },
      ],
    });
    expect(message).toBe(
      [
        "ollama-mesh: 2 problems in the configuration",
        '  nodes[0].ollama.environment["\\n"]        must be the name of an environment variable',
        '  nodes[0]["x\\n  nodes[7].port  is fine"]  is not a setting',
      ].join("\n"),
    );
  });

  test("keys that JavaScript treats specially are settings unknown like any other", () => {
    const given = JSON.parse('{"nodes":[{"name":"a","constructor":1,"toString":{}}]}') as unknown;
    expect(problemPaths(given)).toEqual(["nodes[0].constructor", "nodes[0].toString"]);
    const hidden = JSON.parse('{"nodes":[{"name":"a","__proto__":{"weight":70000}}]}') as unknown;
    expect(problemPaths(hidden)).toEqual(["nodes[0].__proto__"]);
  });

  test("engines that look like options of ssh are refused, with or without a user", () => {
    for (const host of [
      "ssh://-oProxyCommand",
      "ssh://-x@gpu1",
      "tcp://-x:2375",
      "ssh://gpu1:65536",
      "tcp://gpu1:0",
      "unix://run/x",
    ]) {
      expect(problemPaths({ nodes: [{ name: "a", host }] }), host).toEqual(["nodes[0].host"]);
    }
  });
});

describe("invalid", () => {
  const WRONG: Record<string, readonly unknown[]> = {
    "nodes.0.port": [0, 65536, 1.5, -1, NaN, Infinity, "80", null, true, 1e21],
    "nodes.0.weight": [0, 1001, 0.5, "1"],
    "nodes.0.maxConnections": [-1, 100_001],
    "nodes.0.memoryMib": [0, 63, 1.5, 100_000_001],
    "nodes.0.cpus": [0, -1, NaN, Infinity, "2", 0.05, 10.05, 0.0055],
    "nodes.0.access": ["balanceronly", "private", true],
    access: ["none", false],
    "nodes.0.backup": ["true", 1, null],
    "nodes.0.managed": ["false", 0],
    "nodes.0.gpus": [null, "nvidia", ["0"]],
    "nodes.0.gpus.vendor": ["intel", "NVIDIA", true],
    "nodes.0.gpus.minimumPercent": [-1, 101, 0.5, "50%"],
    "nodes.0.address": [
      "192.168.1.300",
      "1.2.3",
      "http://a",
      "a:80",
      "a/b",
      "fe80::1%eth0",
      "a..b",
    ],
    "balancer.listen.address": ["localhost", "192.168.1.300", "*"],
    "balancer.subnet": [
      ...["10.0.0.0/8", "10.0.0.0/25", "10.0.0.1/20", "10.0.0.0", "::/64", "x/20"],
      ...["0.0.0.0/16", "127.0.0.0/16", "224.0.0.0/20"],
    ],
    "balancer.maxFails": [0],
    "rollout.drainTimeoutSeconds": [-1, 86_401],
    "rollout.minimumFreeGib": [-1, "2"],
    // Ollama 0.32 says of each of these names "invalid model name".
    models: [
      ...["llama3.2:3b", [1], [""], ["llama3:"], ["llama3/"], ["a//b"], ["x:y:z"], ["x:-y"]],
      ...[["a/b/c/d"], ["llama3:tag/x"], ["http://x"], ["registry.lan:5000/tiny"], ["a.b/c"]],
    ],
    ollama: [null, []],
  };
  for (const [dotted, values] of Object.entries(WRONG)) {
    const path = pathOf(dotted);
    test.each(values.map((value) => [String(JSON.stringify(value)), value]))(
      `${dotted} %s`,
      (_, value) => {
        const shown = shownPath(dotted);
        const paths = problemPaths(withValue(path, value));
        expect(paths.map((each) => each.replace(/^(models)\[0\]$/, "$1"))).toEqual([shown]);
      },
    );
  }

  test.each([
    [undefined, "is missing; it must be an object with a list of nodes"],
    [null, "must be an object with a list of nodes, got null"],
    ["nodes", 'must be an object with a list of nodes, got "nodes"'],
    [[], "must be an object with a list of nodes, got an empty list"],
  ])("a mesh that is %s", (input, text) => {
    expect(problemsOf(input)).toEqual([{ path: "mesh", text }]);
  });

  test("a node that is a name alone belongs into a stack's config, not into a program", () => {
    expect(problemsOf({ nodes: ["one"] })).toEqual([
      { path: "nodes[0]", text: 'must be an object with at least a name, got "one"' },
    ]);
  });

  test("what is missing is said to be missing", () => {
    expect(problemsOf({ nodes: [{}] })).toEqual([
      {
        path: "nodes[0].name",
        text: 'is missing; it must be lower-case letters, digits and "-", up to 40',
      },
    ]);
    expect(problemsOf({})).toEqual([
      { path: "nodes", text: "is missing; it must be a list of nodes" },
    ]);
  });
});

describe("a setting of another name", () => {
  test.each([
    [{ nodes: [{ name: "a", gpuz: {} }] }, "nodes[0].gpuz", "gpus"],
    [{ nodes: [{ name: "a", wieght: 1 }] }, "nodes[0].wieght", "weight"],
    [{ nodes: [{ name: "a", Port: 1 }] }, "nodes[0].Port", "port"],
    [{ nodes: [{ name: "a", gpus: { vendr: 1 } }] }, "nodes[0].gpus.vendr", "vendor"],
    [{ nodes: [{ name: "a" }], node: [] }, "node", "nodes"],
    [{ nodes: [{ name: "a" }], balancer: { listen: { prt: 1 } } }, "balancer.listen.prt", "port"],
    [{ nodes: [{ name: "a" }], rollout: { warmup: true } }, "rollout.warmup", "warmUp"],
  ])("%j", (input, path, meant) => {
    expect(problemsOf(input)).toEqual([
      { path, text: `is not a setting; did you mean "${meant}"?` },
    ]);
  });

  test("names of 0.1.0 that end in MiB or GiB are answered with today's", () => {
    const input = {
      nodes: [{ name: "a", memoryMiB: 1 }],
      balancer: { maxBodyMiB: 1 },
      rollout: { minimumFreeGiB: 1 },
    };
    expect(problemsOf(input)).toEqual(
      expect.arrayContaining([
        { path: "balancer.maxBodyMiB", text: 'is now called "maxBodyMib"; write it so' },
        { path: "nodes[0].memoryMiB", text: 'is now called "memoryMib"; write it so' },
        { path: "rollout.minimumFreeGiB", text: 'is now called "minimumFreeGib"; write it so' },
      ]),
    );
    expect(problemsOf({ nodes: [{ name: "a", cpusMiB: 1 }] })).toEqual([
      { path: "nodes[0].cpusMiB", text: "is not a setting" },
    ]);
  });

  test("nothing is guessed where nothing is near", () => {
    expect(problemsOf({ nodes: [{ name: "a", temperature: 1 }] })).toEqual([
      { path: "nodes[0].temperature", text: "is not a setting" },
    ]);
  });
});
