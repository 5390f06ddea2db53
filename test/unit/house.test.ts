// The rules of the house that no linter knows: see CONTRIBUTING.md.
import { readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";

import ts from "typescript";
import { expect, test } from "vitest";

import { sourceFiles } from "../support/source-files.mjs";

const ROOT = join(import.meta.dirname, "..", "..");
const textOf = (file: string) => readFileSync(join(ROOT, file), "utf8");
const FILES = sourceFiles().filter((file) => !file.startsWith("test/golden/cases/"));
const roomOf = (file: string) => (file === "index.ts" ? "index" : file.split("/")[0]!);

/** Who may import from which other room. A room that is not here (test, lab, toolchain) is for nobody. */
const MAY_IMPORT: Record<string, string[]> = {
  config: [],
  plan: ["config"],
  templates: ["config", "plan"],
  steps: ["config", "plan", "templates"],
  components: ["config", "plan", "templates", "steps"],
  index: ["components"],
  plugin: ["components"],
  policy: ["config", "templates"],
  cli: ["config", "plan", "templates", "steps"],
};
const SOURCES = FILES.filter((file) => /\.(ts|mts|mjs|sh)$/.test(file));
const PRODUCT = SOURCES.filter((file) => file.endsWith(".ts") && roomOf(file) in MAY_IMPORT);

/** Rooms that know nothing of Pulumi when they run; their arguments may have its types. */
const WITHOUT_PULUMI = ["config", "plan", "templates", "steps"];

const MOST_FILES = 15;
const MOST_LINES = 250;
/** Files that may be longer, and why: each is a list of cases, which parts would only make harder to find. */
const TABLES: Record<string, string> = {
  "config/balancer-args.ts": "each setting of the balancer, with its docstring",
  "test/unit/config/balancer-config.test.ts": "valid, invalid and attacking values of each setting",
  "test/unit/config/balancer-problems.test.ts": "settings that do not go together, with each text",
  "test/unit/config/checks/balancer-hosts.test.ts":
    "two machines that do not go together, with each text",
  "test/unit/config/mesh-config.test.ts": "valid, invalid and attacking values of each setting",
};

test("each room imports only from rooms to its left", () => {
  const wrong = PRODUCT.flatMap((file) =>
    ts
      .preProcessFile(textOf(file))
      .importedFiles.map(({ fileName }) => fileName)
      .filter((path) => path.startsWith("."))
      .map((path) => join(dirname(file), path))
      .filter((path) => roomOf(path) !== roomOf(file))
      .filter((path) => !MAY_IMPORT[roomOf(file)]!.includes(roomOf(path)))
      .map((path) => `${file} imports ${path}`),
  );
  expect(wrong).toEqual([]);
});

test("config, plan, templates and steps run without Pulumi", () => {
  const value =
    /^\s*(?:import (?!type )|export (?!type ))[^;]*?from "@pulumi\/|import\("@pulumi\//m;
  const wrong = PRODUCT.filter((file) => WITHOUT_PULUMI.includes(roomOf(file)));
  expect(wrong.filter((file) => value.test(textOf(file)))).toEqual([]);
});

test(`no folder has more than ${MOST_FILES} files`, () => {
  const folders = Map.groupBy(FILES, dirname);
  folders.delete(".");
  const full = [...folders].filter(([, files]) => files.length > MOST_FILES);
  const named = full.map(([folder, { length }]) => `${folder}: ${length}`);
  expect(named).toEqual([]);
});

test(`no source file has more than ${MOST_LINES} lines, but for the tables that are named here`, () => {
  const lines = (file: string) => textOf(file).split("\n").length - 1;
  const long = SOURCES.filter((file) => lines(file) > MOST_LINES);
  expect(long).toEqual(Object.keys(TABLES));
});

test("files are named in kebab-case, after the one thing inside", () => {
  const kebab = /^[a-z0-9]+(-[a-z0-9]+)*(\.(test|config|d))?\.(ts|mts|mjs|sh)$/;
  expect(SOURCES.filter((file) => !kebab.test(basename(file)))).toEqual([]);
  const collects = /(^|\/)(utils?|helpers?|misc|types|common|shared)(\/|\.|$)/;
  expect(FILES.filter((file) => collects.test(file))).toEqual([]);
});
