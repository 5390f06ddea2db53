import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";

import { onTestFinished, vi } from "vitest";

/** Puts a program in place of the docker command, for as long as a test runs. Its `$2` is the endpoint. */
export function standInDocker(script: string): {
  /** A folder that is removed with it. */
  folder: string;
  /** The commands so far, a line each, without the endpoint. */
  commands: () => string[];
} {
  const folder = mkdtempSync(join(tmpdir(), "docker-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const log = join(folder, "commands");
  writeFileSync(log, "");
  // One write for a line: commands run beside each other.
  const line = `line=$(shift 2; printf '%s ' "$@" | tr '\\n' ' '); printf '%s\\n' "$line" >>'${log}'`;
  const program = `#!/bin/sh\n${line}\n${script}\n`;
  writeFileSync(join(folder, "docker"), program, { mode: 0o755 });
  vi.stubEnv("PATH", `${folder}${delimiter}${process.env["PATH"]}`);
  const commands = () =>
    readFileSync(log, "utf8")
      .split("\n")
      .map((line) => line.trim())
      .filter(Boolean);
  return { folder, commands };
}
