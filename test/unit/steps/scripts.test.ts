// Programs that steps run on hosts and in containers: files, read by the step beside them.
import { spawnSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";

import { describe, expect, test, type TestContext } from "vitest";

const ROOT = join(import.meta.dirname, "../../..");
const scripts = globSync("{steps,components}/**/*.{sh,pl}", { cwd: ROOT }).sort();
const textOf = (file: string) => readFileSync(join(ROOT, file), "utf8");

/** What a checker says of a file: nothing when it finds nothing. */
function said(context: Pick<TestContext, "skip">, program: string, ...args: string[]): string {
  const { error, stdout, stderr } = spawnSync(program, args, { cwd: ROOT, encoding: "utf8" });
  if (error) context.skip(`needs ${program}`);
  return stdout + stderr;
}

describe.each(scripts)("%s", (file) => {
  test("is read by a source beside it", () => {
    const sources = globSync(`${dirname(file)}/*.ts`, { cwd: ROOT }).map(textOf);
    expect(sources.filter((source) => source.includes(`"${basename(file)}"`))).toHaveLength(1);
  });

  test("says first which shell it is for, and then what it does", () => {
    const shebang = file.endsWith(".sh") ? String.raw`#!/bin/(ba)?sh\n` : "";
    expect(textOf(file)).toMatch(new RegExp(`^${shebang}# [A-Z]`));
  });

  test("is what its checker would have it", (context) => {
    if (file.endsWith(".sh")) expect(said(context, "shellcheck", file)).toBe("");
    else expect(said(context, "perl", "-c", file)).toBe(`${file} syntax OK\n`);
  });
});
