// Puts Node, the Pulumi CLI, its Node language host and the plugins in place, and says in which environment.
import { existsSync } from "node:fs";
import { mkdir, symlink } from "node:fs/promises";
import { delimiter, join } from "node:path";

import { built } from "./cache.mjs";
import { buildCli, buildPlugins } from "./go-modules.mjs";
import { installedPlugin, installedPulumi, userPulumiHome } from "./installed.mjs";
import { ensureNode } from "./node.mjs";
import { officialCli, officialPlugin, officialWay } from "./official.mjs";
import { PLUGINS, PULUMI } from "./versions.mjs";

/** @typedef {keyof typeof PLUGINS} PluginName */

/**
 * Puts Node alone in place, for what needs no Pulumi.
 *
 * @returns {Promise<NodeJS.ProcessEnv>} an environment in which `node` runs TypeScript
 */
export async function ensureNodeOnPath() {
  const env = { ...process.env };
  prependToPath(env, await ensureNode());
  return env;
}

/**
 * Puts everything in place that is not there yet.
 *
 * @returns {Promise<NodeJS.ProcessEnv>} an environment in which `node`, `pulumi`, its language host and its plugins are
 *   found; backend and passphrase are the caller's
 */
export async function ensureToolchain() {
  const env = await ensureNodeOnPath();
  env["PULUMI_SKIP_UPDATE_CHECK"] = "true";

  const installed = await installedPulumi();
  const names = /** @type {PluginName[]} */ (Object.keys(PLUGINS));
  const missing = names.filter((name) => !installedPlugin(name));
  if ("version" in installed && missing.length === 0) return env;

  const official = await officialWay(env, { cli: "unfit" in installed, plugins: missing });
  if ("unfit" in installed) {
    prependToPath(env, official ? await officialCli(official) : await buildCli());
    // Ours may be older than what the program's SDK was released with; the engine's protocol is checked by its tests.
    env["PULUMI_AUTOMATION_API_SKIP_VERSION_CHECK"] = "true";
  }
  const files = /** @type {Record<PluginName, string>} */ ({});
  for (const name of names) {
    const folder = () => (official ? officialPlugin(official, name) : buildPlugins());
    files[name] = installedPlugin(name) ?? join(await folder(), `pulumi-resource-${name}`);
  }
  env["PULUMI_HOME"] = await pulumiHome(files);
  if (existsSync(join(userPulumiHome(), "credentials.json"))) {
    env["PULUMI_CREDENTIALS_PATH"] ??= userPulumiHome();
  }
  if (!official) env["PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"] = "true";
  return env;
}

/**
 * @param {NodeJS.ProcessEnv} env
 * @param {(string | undefined)[]} folders
 */
function prependToPath(env, ...folders) {
  env["PATH"] = [...folders, env["PATH"]].filter((folder) => folder).join(delimiter);
}

/**
 * A home for the CLI with exactly these plugins. On PATH they would be found too, but each run would warn of them.
 *
 * @param {Record<PluginName, string>} files
 */
function pulumiHome(files) {
  return built("pulumi-home", [PULUMI, JSON.stringify(files)], async (home) => {
    for (const [name, file] of Object.entries(files)) {
      const version = PLUGINS[/** @type {PluginName} */ (name)];
      const folder = join(home, "plugins", `resource-${name}-v${version}`);
      await mkdir(folder, { recursive: true });
      await symlink(file, join(folder, `pulumi-resource-${name}`));
    }
  });
}
