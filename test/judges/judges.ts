import { CommandError, run } from "../../toolchain/command.mjs";
import { pythonPackages } from "./python-packages.ts";

/** Programs of others that judge what we generate; versions in requirements.txt. */
export interface Judges {
  /** Runs one, by the name of its Python module, and returns its stdout, whatever it ends with. */
  ask(module: string, ...args: string[]): Promise<string>;
}

/** Installs them from PyPI into the cache folder, once; a text says why they can't be had here. */
export async function judges(): Promise<Judges | string> {
  const env = await pythonPackages("judges", import.meta.dirname);
  if (typeof env === "string") return env;
  return {
    ask: (module, ...args) =>
      run("python3", ["-m", module, ...args], { env }).catch((error: unknown) => {
        if (error instanceof CommandError && error.code !== null) return error.output;
        throw error;
      }),
  };
}
