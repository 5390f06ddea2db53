// What `ollama-mesh restart` reads from a stack's state, with a stand-in for the pulumi command.
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";

import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { nodeInStack } from "../../../cli/node-in-stack.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mesh-cli-"));
  vi.stubEnv("PATH", `${folder}${delimiter}${process.env["PATH"]}`);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

const SECRET = { "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270" };

/** As `pulumi stack export` writes a secret: alone, and with --show-secrets. */
const hiddenAs = {
  hidden: () => SECRET,
  shown: (text: string) => ({ ...SECRET, plaintext: JSON.stringify(text) }),
};

const command = (step: string, input: object, as?: keyof typeof hiddenAs) => ({
  type: "command:local:Command",
  inputs: {
    create: `import("ollama-mesh/steps").then((steps) => steps.run("${step}"))`,
    stdin: as ? hiddenAs[as](JSON.stringify(input)) : JSON.stringify(input),
  },
});
const steps = (mesh: string, node: string, as?: keyof typeof hiddenAs) => {
  const balancer = { container: `${mesh}-balancer` };
  return [
    command("ready", { balancer, node, container: `${mesh}-${node}` }),
    command("admit", { balancer, node, line: "server;" }, as),
  ];
};

/** A pulumi that exports these resources; others when secrets are asked for. */
async function pulumi(resources: object[], revealed = resources) {
  const state = (all: object[]) => JSON.stringify({ deployment: { resources: all } });
  await writeFile(join(folder, "plain"), state(resources));
  await writeFile(join(folder, "revealed"), state(revealed));
  const script = `#!/bin/sh
echo "$@" >> "${folder}/asked"
case "$*" in *--show-secrets*) cat "${folder}/revealed" ;; *) cat "${folder}/plain" ;; esac
`;
  await writeFile(join(folder, "pulumi"), script);
  await chmod(join(folder, "pulumi"), 0o755);
}

test("is what the node's own steps were told", async () => {
  await pulumi([...steps("lab", "a"), ...steps("lab", "b")]);
  expect(await nodeInStack("b")).toMatchObject({
    ready: { node: "b", container: "lab-b" },
    admission: { node: "b", line: "server;" },
  });
});

test("is asked for with secrets only where one is in the way", async () => {
  await pulumi(steps("lab", "a", "hidden"), steps("lab", "a", "shown"));
  expect(await nodeInStack("a")).toMatchObject({ admission: { node: "a", line: "server;" } });
});

test("refuses a node that is not there, not managed, or there twice", async () => {
  await pulumi([...steps("lab", "a"), command("admit", { balancer: {}, node: "vllm" })]);
  await expect(nodeInStack("b")).rejects.toThrow("the stack has no node b; it has a, vllm");
  await expect(nodeInStack("vllm")).rejects.toThrow("node vllm is not managed");
  await pulumi([...steps("lab", "a"), ...steps("chat", "a")]);
  await expect(nodeInStack("a")).rejects.toThrow("several meshes of the stack have a node a");
  await pulumi([]);
  await expect(nodeInStack("a")).rejects.toThrow("the stack has no mesh");
});

test("knows a node's place at each of two balancers, but for one that is switched off", async () => {
  const at = (endpoint: string) => {
    const balancer = { container: "lab-balancer", endpoint };
    return [
      command("ready", { balancer, node: "a", container: "lab-a" }),
      command("admit", { balancer, node: "a", line: "server;" }),
    ];
  };
  const place = (endpoint: string) => ({
    ready: { node: "a", balancer: { endpoint } },
    admission: { node: "a", balancer: { endpoint } },
  });
  const both = [...at("ssh://one"), ...at("ssh://two")];
  await pulumi(both);
  expect(await nodeInStack("a")).toMatchObject({
    ...place("ssh://one"),
    second: place("ssh://two"),
  });
  await pulumi([...both, command("hosts", { hosts: [], offline: ["ssh://one"] })]);
  const found = await nodeInStack("a");
  expect(found).toMatchObject(place("ssh://two"));
  expect(found.second).toBeUndefined();
});
