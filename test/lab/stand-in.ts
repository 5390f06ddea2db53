import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";

import { onTestFinished, vi } from "vitest";

/**
 * Puts shell scripts in the place of real programs for the rest of the test.
 *
 * @returns the folder they may leave notes in, `$NOTES` for the scripts
 */
export function standIns(scripts: Record<string, string>): string {
  const folder = mkdtempSync(join(tmpdir(), "lab-stand-in-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, script] of Object.entries(scripts)) {
    writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(folder, name), 0o755);
  }
  vi.stubEnv("PATH", `${folder}${delimiter}${process.env["PATH"]}`);
  vi.stubEnv("NOTES", folder);
  onTestFinished(() => void vi.unstubAllEnvs());
  return folder;
}
