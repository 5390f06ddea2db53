import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

import { expect, test } from "vitest";

import { standIns } from "../lab/stand-in.ts";

test("the list of scenarios asks no Docker engine", async () => {
  const notes = standIns({ docker: "touch $NOTES/asked; echo silent >&2; exit 1" });
  const program = join(import.meta.dirname, "../live.mjs");
  const env = { ...process.env, DOCKER_HOST: "tcp://192.0.2.1:2376" };
  const list = await promisify(execFile)(process.execPath, [program, "--list"], { env });
  expect(list.stdout).toMatch(/^seen +\S/m);
  expect(existsSync(join(notes, "asked"))).toBe(false);
});
