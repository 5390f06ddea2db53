// What `ollama-mesh discover` makes of the machines that answered.
import { describe, expect, test } from "vitest";

import type { FoundMachine } from "../../../cli/discover/machine.ts";
import { propose } from "../../../cli/discover/proposal.ts";
import { report } from "../../../cli/discover/report.ts";
import { stackFile } from "../../../cli/discover/stack-file.ts";
import { DEFAULT_ENGINE } from "../../../config/defaults.ts";
import { parseMesh } from "../../../config/parse-mesh.ts";
import { parseOllama, parseSurroundings } from "../../../steps/discovery/look-around.ts";
import { parseYaml } from "../../support/yaml.ts";

function machine(endpoint: string, more: Partial<FoundMachine> = {}): FoundMachine {
  const inspection = { endpoint, reached: true, problems: [] };
  const around = { gpus: [] };
  return { endpoint, inspection, around, meshes: [], asked: ["docker version"], ...more };
}
const gpu = (index: string) => ({
  vendor: "nvidia" as const,
  index,
  name: "NVIDIA GeForce RTX 4090",
  memoryGiB: 24,
});
const ALL = { address: "0.0.0.0" };
const OLLAMA = { version: "0.32.15", models: ["llama3.2:3b", "qwen3:8b"] };

test("a machine is a node for each of its GPUs, on ports of their own, and one node without any", () => {
  const { nodes } = propose(
    [
      machine("ssh://ops@rack1.lan", {
        address: "rack1.lan",
        around: { gpus: [gpu("0"), gpu("1")] },
      }),
      machine("unix:///var/run/docker.sock"),
    ],
    [],
  );
  const gpus = (index: string) => ({ vendor: "nvidia", devices: [index] });
  expect(nodes).toEqual([
    {
      node: { name: "rack1-gpu0", host: "ssh://ops@rack1.lan", gpus: gpus("0") },
      why: "NVIDIA GeForce RTX 4090, 24 GiB",
    },
    {
      node: { name: "rack1-gpu1", host: "ssh://ops@rack1.lan", port: 11435, gpus: gpus("1") },
      why: "NVIDIA GeForce RTX 4090, 24 GiB",
    },
    { node: { name: "local" }, why: "no GPU seen" },
  ]);
});

test("GPUs that nobody counts are all given to one node", () => {
  const endpoint = "tcp://rack1.lan:2376";
  const inspection = { endpoint, reached: true, problems: [], gpus: "nvidia" };
  const { around: _, ...unseen } = machine(endpoint, { inspection, address: "rack1.lan" });
  expect(propose([unseen], []).nodes).toEqual([
    {
      node: { name: "rack1", host: endpoint, gpus: { vendor: "nvidia" } },
      why: "all its GPUs: nobody said how many",
    },
  ]);
});

test("a name that only ssh knows comes with the address that it stands for", () => {
  const beside = machine("ssh://rack0");
  const { nodes } = propose([beside, machine("ssh://rack1", { address: "10.0.0.7" })], []);
  expect(nodes[1]?.node).toEqual({ name: "rack1", host: "ssh://rack1", address: "10.0.0.7" });
});

test("an Ollama that answers stays as it is, with the way to let the mesh run it", () => {
  const { nodes, remarks } = propose(
    [
      machine("ssh://rack1", {
        address: "10.0.0.7",
        open: OLLAMA,
        around: { gpus: [gpu("0")], ollama: OLLAMA, store: "/usr/share/ollama/.ollama/models" },
      }),
    ],
    [{ address: "10.0.0.9", ollama: OLLAMA }],
  );
  expect(nodes.map(({ node }) => node)).toEqual([
    { name: "rack1", managed: false, address: "10.0.0.7" },
    { name: "10-0-0-9", managed: false, address: "10.0.0.9" },
  ]);
  expect(remarks).toEqual([
    expect.stringContaining("--opt device=/usr/share/ollama/.ollama MESH-models\n"),
  ]);
});

test("one that listens on its own machine only is left out, and said so", () => {
  const { nodes, remarks } = propose(
    [machine("ssh://rack1", { address: "10.0.0.7", around: { gpus: [], ollama: OLLAMA } })],
    [],
  );
  expect(nodes).toEqual([]);
  expect(remarks).toEqual([expect.stringContaining("OLLAMA_HOST=0.0.0.0")]);
});

test("what is not reached, cannot take nodes or belongs to a mesh is left out", () => {
  const broken = (reached: boolean) => ({
    inspection: { endpoint: "ssh://x", reached, problems: [{ text: "too old", ofEngine: false }] },
  });
  const { nodes, balancer, remarks } = propose(
    [
      machine("ssh://a", broken(false)),
      machine("ssh://b", broken(true)),
      machine("ssh://c", { meshes: ["office"] }),
    ],
    [],
  );
  expect(nodes).toEqual([]);
  expect(balancer).toBeUndefined();
  expect(remarks).toEqual(["ssh://c has containers of office already: left out here."]);
});

test("the balancer goes where no Ollama has the port, and rather where no GPU is", () => {
  const all = [
    machine("ssh://a", { address: "10.0.0.1", open: OLLAMA }),
    machine("ssh://b", { around: { gpus: [gpu("0")] } }),
    machine("ssh://c"),
  ];
  expect(propose(all, []).balancer).toBe("ssh://c");
  expect(propose(all.slice(0, 2), []).balancer).toBe("ssh://b");
});

test("models are those that every Ollama with models has", () => {
  const with_ = (...models: string[]) => ({
    address: "10.0.0.9",
    ollama: { version: "1", models },
  });
  expect(propose([], [with_("a", "b"), with_("b", "c"), with_()]).models).toEqual(["b"]);
  expect(propose([], [with_()]).models).toEqual([]);
});

test("no two nodes have the same name, none the balancer's, and each one that a node may have", () => {
  const names = (...hosts: string[]) =>
    propose(
      hosts.map((host) => machine(`ssh://${host}`)),
      [],
    ).nodes.map(({ node }) => node.name);
  expect(names("ops@rack.a", "ops@rack.b")).toEqual(["rack", "rack-2"]);
  expect(names("balancer", "balancer.lan")).toEqual(["balancer-2", "balancer-3"]);
  expect(names("a-host-with-a-name-of-many-letters-x-and-more")).toEqual([
    "a-host-with-a-name-of-many-letters-x",
  ]);
  expect(names("a-host-with-a-name-of-many-letters1-and-more")).toEqual([
    "a-host-with-a-name-of-many-letters1",
  ]);
});

describe("what is proposed is what the mesh takes, where the balancer is", () => {
  const two = { gpus: [gpu("0"), gpu("1")] };
  const local = machine("unix:///var/run/docker.sock", { around: two });
  test.each([
    ["on the only machine, with two GPUs", [local], DEFAULT_ENGINE],
    [
      "on one that others know by an address",
      [machine("ssh://rack1", { address: "10.0.0.7", around: two })],
      "ssh://rack1",
    ],
    ["on this machine, whose nodes nobody else finds", [local, machine("ssh://b")], DEFAULT_ENGINE],
    ["elsewhere", [machine("ssh://a", { around: two }), machine("ssh://b")], "ssh://b"],
  ])("%s", (_, machines, host) => {
    const { nodes, balancer } = propose(machines, []);
    expect(balancer).toBe(host);
    const config = { nodes: nodes.map(({ node }) => node), balancer: { host, listen: ALL } };
    expect(parseMesh(config, "lab").nodes).toHaveLength(nodes.length);
    // Nodes beside the balancer are in its network.
    const beside = nodes.filter(({ node }) => (node.host ?? DEFAULT_ENGINE) === host);
    expect(beside.map(({ node: { address, port } }) => [address, port])).toEqual(
      beside.map(() => [undefined, undefined]),
    );
  });
});

test("the stack file is one that the mesh takes, with a reason for each node", () => {
  const text = stackFile(
    propose(
      [
        machine("ssh://yes", { address: "10.0.0.1", around: { gpus: [gpu("0")] } }),
        machine("ssh://rack2", { address: "10.0.0.2", open: OLLAMA }),
      ],
      [],
    ),
  );
  expect(text).toContain(
    '    - { name: yes-gpu0, host: "ssh://yes", gpus: { vendor: nvidia, devices: ["0"] } } # NVIDIA GeForce RTX 4090, 24 GiB\n',
  );
  const { config } = parseYaml(text) as { config: Record<string, unknown> };
  const declared = Object.entries(config).map(([key, value]) => [key.split(":")[1], value]);
  expect(parseMesh(Object.fromEntries(declared), "lab").nodes).toHaveLength(2);
  expect(config["ollama-mesh:models"]).toEqual(OLLAMA.models);
});

test("the report says what was asked of whom, ranges too", () => {
  const machines = [machine("ssh://rack1", { meshes: ["office"] })];
  const proposal = propose(machines, []);
  const found = { machines, addresses: [], ranges: ["10.0.0.0/28"], proposal };
  const text = report({ ...found, stackFile: stackFile(proposal) });
  expect(text).toContain("ssh://rack1: containers of the mesh office\n");
  expect(text).toContain(
    "Asked, and nothing else:\n  10.0.0.0/28, each address: a connection to port 22, and http at 11434: the version and models of an Ollama\n  ssh://rack1\n    docker version\n",
  );
  expect(text).toContain("Nothing was found that could be a node");
});

test("what a machine says of itself is read", () => {
  const said = `Welcome!
nvidia 0, 24564, NVIDIA GeForce RTX 4090
nvidia 1, [N/A], Tesla, old
amd 0 17163091968
version {"version":"0.32.15"}
tags {"models":[{"name":"qwen3:8b"},{"name":"llama3.2:3b"}]}
store /usr/share/ollama/.ollama/models
end
`;
  expect(parseSurroundings(said)).toEqual({
    gpus: [
      { vendor: "nvidia", index: "0", name: "NVIDIA GeForce RTX 4090", memoryGiB: 24 },
      { vendor: "nvidia", index: "1", name: "Tesla, old" },
      { vendor: "amd", index: "0", name: "", memoryGiB: 16 },
    ],
    ollama: OLLAMA,
    store: "/usr/share/ollama/.ollama/models",
  });
  expect(parseSurroundings("end\n")).toEqual({ gpus: [] });
  expect(parseSurroundings("Welcome! No shell here.\n")).toBeUndefined();
  expect(parseOllama("<html>", "")).toBeUndefined();
});
