import { join } from "node:path";

import { built, contentOf } from "../../toolchain/cache.mjs";
import { CommandError, run } from "../../toolchain/command.mjs";

/** Programs of others that judge what we generate; versions in requirements.txt. */
export interface Judges {
  /** Runs one, by the name of its Python module, and returns its stdout, whatever it ends with. */
  ask(module: string, ...args: string[]): Promise<string>;
}

/** Installs them from PyPI into the cache folder, once; a text says why they can't be had here. */
export async function judges(): Promise<Judges | string> {
  const here = import.meta.dirname;
  try {
    const version = await run("python3", ["-c", "import sys; print(sys.version)"]);
    const inputs = [version, ...contentOf(here, "requirements.txt")];
    const folder = await built("judges", inputs, async (target) => {
      const file = join(here, "requirements.txt");
      // No virtual environment: its programs would name the folder they were built in.
      const quiet = ["--quiet", "--disable-pip-version-check", "--no-warn-script-location"];
      await run("python3", ["-m", "pip", "install", ...quiet, "--target", target, "-r", file]);
    });
    const env = { ...process.env, PYTHONPATH: folder };
    return {
      ask: (module, ...args) =>
        run("python3", ["-m", module, ...args], { env }).catch((error: unknown) => {
          if (error instanceof CommandError && error.code !== null) return error.output;
          throw error;
        }),
    };
  } catch (error) {
    return `needs Python and PyPI: ${error instanceof Error ? error.message.split("\n")[0] : String(error)}`;
  }
}
