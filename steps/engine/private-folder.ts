import { lstatSync, mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * A folder of this machine that nobody else can look into or has made, the same for all steps: of the login's
 * (XDG_RUNTIME_DIR) where there is one, else a temporary one. No quotes or % are in its path, for ssh's sake.
 *
 * @returns undefined where there is none that is safe, and on Windows
 */
export function privateFolder(): string | undefined {
  const uid = process.getuid?.();
  if (uid === undefined) return undefined;
  const run = process.env["XDG_RUNTIME_DIR"];
  for (const folder of [
    ...(run ? [join(run, "ollama-mesh")] : []),
    join(tmpdir(), `ollama-mesh-${uid}`),
  ]) {
    try {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      const { mode, uid: owner } = lstatSync(folder);
      // lstat: a link of someone else's making is no folder.
      if ((mode & 0o170077) === 0o040000 && owner === uid && !/['%]/.test(folder)) return folder;
    } catch {
      // the next one
    }
  }
  return undefined;
}
