// Hosts for programs in YAML, Python and Go. The lab needs none of them: only what runs examples/ asks for them.
import { existsSync } from "node:fs";
import { link, readdir } from "node:fs/promises";
import { delimiter, join } from "node:path";

import { built } from "./cache.mjs";
import { ensureToolchain } from "./ensure.mjs";
import { buildLanguageHosts } from "./go-modules.mjs";

/**
 * Puts everything in place as ensureToolchain does, and the hosts of these languages.
 *
 * @returns {Promise<NodeJS.ProcessEnv>} the environment in which they are found
 */
export async function ensureLanguages() {
  const env = await ensureToolchain();
  const folders = (env["PATH"] ?? "").split(delimiter);
  const cli = folders.find((folder) => existsSync(join(folder, "pulumi")));
  // The official CLI brings them.
  if (!cli || existsSync(join(cli, "pulumi-language-yaml"))) return env;
  const hosts = await buildLanguageHosts();
  // Beside the CLI, where the engine looks: of one that it finds on PATH it warns.
  const together = await built("pulumi-languages", [cli, ...Object.values(hosts)], async (out) => {
    for (const file of await readdir(cli)) await link(join(cli, file), join(out, file));
    for (const [language, file] of Object.entries(hosts)) {
      await link(file, join(out, `pulumi-language-${language}`));
    }
  });
  return { ...env, PATH: [together, env["PATH"]].join(delimiter) };
}
