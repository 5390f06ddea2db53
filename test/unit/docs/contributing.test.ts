import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

import config from "../../vitest.config.mts";

const ROOT = join(import.meta.dirname, "../../..");
const TEXT = readFileSync(join(ROOT, "CONTRIBUTING.md"), "utf8");
const { scripts } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
  scripts: Record<string, string>;
};
const all = (pattern: RegExp) => [...new Set([...TEXT.matchAll(pattern)].map(([, word]) => word!))];

test("names files and folders that are there", () => {
  const paths = all(/`((?:\w[\w.-]*\/)+[\w.-]*|[\w-]+\.(?:ts|md|json))`/g);
  expect(paths).toContain("config/balancer-args.ts");
  const somewhere = (path: string) =>
    ["", "config"].some((folder) => existsSync(join(ROOT, folder, path)));
  expect(paths.filter((path) => !somewhere(path))).toEqual([]);
});

test("names commands that there are", () => {
  const commands = all(/npm run ([\w:]+)/g);
  expect(commands).toContain("check");
  expect(commands.filter((command) => !(command in scripts))).toEqual([]);
});

test("has a row for every level of tests", () => {
  const rows = all(/^\| (`\w+`(?:, `\w+`)*) \| .* \| .* \|/gm);
  const levels = rows.flatMap((row) => row.replaceAll("`", "").split(", "));
  const projects = (config.test?.projects ?? []) as { test: { name: string } }[];
  expect(levels.toSorted()).toEqual(projects.map(({ test }) => test.name).toSorted());
});
