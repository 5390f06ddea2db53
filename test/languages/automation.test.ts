// The program of examples/automation: a mesh by the Automation API, started from a folder that has nothing of it.
import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

import { afterAll, beforeAll, expect, test } from "vitest";

import { type CommandError, run } from "../../toolchain/command.mjs";
import { ensureLanguages } from "../../toolchain/languages.mjs";
import { model, nginxImage, ollamaImage } from "../engine/support/lab.ts";
import { ownFolder, ownStackName, remains, removeMesh } from "../engine/support/leftovers.ts";
import { chat } from "../engine/support/load.ts";
import { freePort } from "../engine/support/port.ts";
import { CHECKOUT } from "../engine/support/stack.ts";
import { packedPackage } from "./example.ts";

let folder: string;
let mesh: string;
let port: number;
let env: NodeJS.ProcessEnv;

beforeAll(async () => {
  const tarball = await packedPackage();
  folder = await ownFolder("automation");
  mesh = ownStackName();
  port = await freePort();
  for (const each of ["home", "state"]) await mkdir(join(folder, each));
  const toolchain = await ensureLanguages();
  const plugins = toolchain["PULUMI_HOME"];
  if (plugins)
    await cp(join(plugins, "plugins"), join(folder, "home/plugins"), {
      recursive: true,
      verbatimSymlinks: true,
    });
  env = {
    ...toolchain,
    PULUMI_HOME: join(folder, "home"),
    PULUMI_BACKEND_URL: `file://${join(folder, "state")}?metadata=skip`,
    PULUMI_CONFIG_PASSPHRASE: "of a test",
  };
  await run("npm", ["init", "--yes"], { cwd: folder });
  const install = ["install", "--prefer-offline", "--no-audit", "--no-fund", tarball];
  await run("npm", [...install, "@pulumi/pulumi"], { cwd: folder });
  await rm(dirname(tarball), { recursive: true });
  let text = await readFile(join(CHECKOUT, "examples/automation/index.mjs"), "utf8");
  for (const [from, to] of [
    ['OllamaMesh("chat", {', `OllamaMesh("${mesh}", { image: "${ollamaImage()}",`],
    ['"llama3.2:3b"', `"${model()}"`],
    ["balancer: {", `balancer: { image: "${nginxImage()}",`],
    ["port: 11434", `port: ${port}`],
  ] as const) {
    if (!text.includes(from)) throw new Error(`the example has no ${from}`);
    text = text.replace(from, to);
  }
  await writeFile(join(folder, "index.mjs"), text);
}, 300_000);
afterAll(async () => {
  if (!folder) return;
  await removeMesh(mesh);
  await rm(folder, { recursive: true, force: true });
});

/** Runs the example as a service would: from "/". */
const program = (what: string) => run("node", [join(folder, "index.mjs"), what], { cwd: "/", env });

test("up brings a mesh that answers", async () => {
  const url = `http://127.0.0.1:${port}`;
  expect((await program("up")).trim().split("\n").at(-1)).toBe(url);
  const answer = await chat({ url, model: model() });
  expect(answer.failure).toBeUndefined();
});

test("a second run sees no change, and would say so", async () => {
  expect(await program("unchanged")).toMatch(/\d+ unchanged/);
  const text = await readFile(join(folder, "index.mjs"), "utf8");
  await writeFile(join(folder, "index.mjs"), text.replace('name: "b"', 'name: "b", weight: 2'));
  const changed = await program("unchanged").catch((error: CommandError) => error.output);
  expect(changed).toContain("no changes were expected for preview but changes were proposed");
});

test("destroy leaves the models alone", async () => {
  await program("destroy");
  expect(await remains(mesh)).toEqual([`volume ${mesh}-models`]);
});
