import { built, contentOf } from "../../toolchain/cache.mjs";
import { run } from "../../toolchain/command.mjs";

/**
 * Installs a folder's requirements.txt from PyPI into the cache folder, once.
 *
 * @param name of the folder in the cache
 * @param folder with requirements.txt
 * @returns the environment in which Python finds them; a text says why they can't be had here
 */
export async function pythonPackages(
  name: string,
  folder: string,
): Promise<NodeJS.ProcessEnv | string> {
  try {
    const version = await run("python3", ["-c", "import sys; print(sys.version)"]);
    const inputs = [version, ...contentOf(folder, "requirements.txt")];
    const packages = await built(name, inputs, async (target) => {
      // No virtual environment: its programs would name the folder they were built in.
      const quiet = ["--quiet", "--disable-pip-version-check", "--no-warn-script-location"];
      const file = ["-r", `${folder}/requirements.txt`];
      await run("python3", ["-m", "pip", "install", ...quiet, "--target", target, ...file]);
    });
    return { ...process.env, PYTHONPATH: packages };
  } catch (error) {
    return `needs Python and PyPI: ${error instanceof Error ? error.message.split("\n")[0] : String(error)}`;
  }
}
