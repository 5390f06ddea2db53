// How Commands find the steps where the program's folder has no package of Node.
import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, readFile, readdir, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";

import { notedStepText, stepText } from "../../../steps/step-text.ts";

const CHECKOUT = join(import.meta.dirname, "../../..");

let home: string;
let folder: string;

beforeAll(async () => {
  const root = await realpath(await mkdtemp(join(tmpdir(), "ollama-mesh-note-")));
  home = join(root, "home");
  // What a URL would take for something else.
  folder = join(root, "pro#gram 100%?");
  await mkdir(folder);
});
afterAll(() => rm(join(home, ".."), { recursive: true, force: true }));

beforeEach(() => {
  vi.resetModules();
  vi.stubEnv("PULUMI_HOME", home);
});
afterEach(() => rm(home, { recursive: true, force: true }));

const note = () => join(home, "ollama-mesh/steps", folder, "run.cjs");

test("in a folder where the package is found, Commands import it, and nothing is noted", async () => {
  const { findableStepText } = await import("../../../components/steps-note.ts");
  expect(process.cwd()).toBe(CHECKOUT);
  expect(findableStepText("hosts")).toBe(stepText("hosts"));
  expect(await readdir(home).catch(() => "none")).toBe("none");
});

test("elsewhere they go by a note of where the steps are, in Pulumi's home under the folder's own path", async () => {
  vi.spyOn(process, "cwd").mockReturnValue(folder);
  const { findableStepText } = await import("../../../components/steps-note.ts");
  expect(findableStepText("hosts")).toBe(notedStepText("hosts"));
  const steps = new URL("../../../steps/run.js", import.meta.url).href;
  expect(await readFile(note(), "utf8")).toBe(`module.exports = import("${steps}");\n`);
  expect(await readdir(join(note(), ".."))).toEqual(["run.cjs"]);
});

test("the plugin goes by the note even where the package is found", async () => {
  const { findableStepText, runStepsByNote } = await import("../../../components/steps-note.ts");
  runStepsByNote();
  expect(findableStepText("hosts")).toBe(notedStepText("hosts"));
});

test("the text finds its note from whatever folder a Command runs in", async () => {
  await mkdir(join(note(), ".."), { recursive: true });
  const steps = `{ run: (name) => console.log("ran", name) }`;
  await writeFile(note(), `module.exports = Promise.resolve(${steps});\n`);
  const run = (env: NodeJS.ProcessEnv) =>
    spawnSync("node", ["-e", notedStepText("takeTurn")], { cwd: folder, env, encoding: "utf8" });
  expect(run({ ...process.env, PULUMI_HOME: home }).stdout).toBe("ran takeTurn\n");
  const byDefault = { ...process.env, PULUMI_HOME: "", HOME: join(home, "..", "user") };
  expect(run(byDefault).stderr).toContain(join(home, "..", "user/.pulumi/ollama-mesh/steps"));
});

test("a home that cannot be written is a sentence with its way out, and ends the plugin without a stack trace", async () => {
  await writeFile(home, "");
  const sentence = new RegExp(
    `^Pulumi's home keeps a note of where the steps of ollama-mesh are, and ${join(home, "ollama-mesh/steps")}\\S* cannot be written \\(ENOTDIR: [^\\n]+\\); let this user write there, or set PULUMI_HOME to another folder$`,
  );
  const { runStepsByNote } = await import("../../../components/steps-note.ts");
  expect(runStepsByNote).toThrow(sentence);
  const plugin = ["--no-warnings", join(CHECKOUT, "plugin/main.ts"), "127.0.0.1:1"];
  const { status, stderr } = spawnSync("node", plugin, { encoding: "utf8", timeout: 50_000 });
  expect(stderr.trimEnd()).toMatch(sentence);
  expect(status).toBe(1);
});
