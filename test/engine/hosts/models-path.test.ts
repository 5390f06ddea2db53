// Models in a folder of the host that belongs to somebody, as an Ollama's of the host does.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, expect, test, vi } from "vitest";

import { run } from "../../../toolchain/command.mjs";
import { story } from "../../support/report/story.ts";
import { containers } from "../support/containers.ts";
import { atLab, labConfig, model, ollamaImage } from "../support/lab.ts";
import { requireServing } from "../support/roll.ts";
import { Stack } from "../support/stack.ts";

vi.setConfig({ testTimeout: 240_000 });
story();

let folder = "";
let stack: Stack | undefined;
const lab = () => stack!;
const config = (modelsPath?: string) =>
  labConfig({ nodes: [{ name: "a", ...(modelsPath === undefined ? {} : { modelsPath }) }] });
/** Runs a script as root with the folder at /out. */
const inFolder = (script: string) =>
  run("docker", [
    "run",
    "--rm",
    "--volume",
    `${folder}:/out`,
    "--entrypoint",
    "sh",
    ollamaImage(),
    "-c",
    script,
  ]);

atLab(async () => {
  folder = await mkdtemp(join(tmpdir(), "mesh-models-"));
  await inFolder("cp -a /root/.ollama/models/. /out && chown -R 998:998 /out && chmod 700 /out");
  stack = await Stack.init(config(folder));
});
afterAll(async () => {
  await stack?.[Symbol.asyncDispose]();
  if (folder) await inFolder("rm -rf /out/*").then(() => rm(folder, { recursive: true }));
});

test("a node answers from what is there, and nothing is downloaded", async () => {
  const before = await inFolder("cd /out && find . -type f | sort | xargs stat -c '%n %Y %u'");
  await lab().up();
  await requireServing(lab(), "a");
  expect(await inFolder("cd /out && find . -type f | sort | xargs stat -c '%n %Y %u'")).toBe(
    before,
  );
  expect(before).toContain(" 998");
});

test("it may write there what it downloads", async () => {
  const write =
    "echo x >/root/.ollama/models/blobs/of-a-test && rm /root/.ollama/models/blobs/of-a-test";
  await run("docker", ["exec", `${lab().mesh}-a`, "sh", "-c", write]);
  expect(await inFolder("stat -c '%u %a' /out")).toBe("998 700\n");
});

test("a second up, and a refresh, have nothing to change", async () => {
  expect((await lab().preview()).changes).toEqual([]);
  await lab().refresh();
});

test("taken away again, the node is replaced and has the volume's models", async () => {
  const { a: before } = await containers(lab().mesh);
  await lab().configure(config());
  await lab().up();
  expect((await containers(lab().mesh))["a"]!.id).not.toBe(before!.id);
  const inspected = await run("docker", [
    "inspect",
    "--format",
    "{{json .HostConfig.CapAdd}}",
    `${lab().mesh}-a`,
  ]);
  expect(inspected.trim()).toMatch(/^(null|\[\])$/);
  await requireServing(lab(), "a");
  expect(await run("docker", ["exec", `${lab().mesh}-a`, "ollama", "list"])).toContain(model());
  expect((await lab().preview()).changes).toEqual([]);
});
