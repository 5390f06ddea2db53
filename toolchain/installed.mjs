// What the machine already has, and whether it is new enough.
import { existsSync, realpathSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, dirname, join } from "node:path";

import { run } from "./command.mjs";
import { PLUGINS, PULUMI, atLeast } from "./versions.mjs";

/**
 * Where PATH finds a program.
 *
 * @param {string} program
 * @returns {string | undefined}
 */
function onPath(program) {
  for (const folder of (process.env["PATH"] ?? "").split(delimiter)) {
    const file = join(folder || ".", program);
    if (existsSync(file) && statSync(file).isFile()) return file;
  }
  return undefined;
}

/**
 * The version that a program on PATH prints; undefined when there is none or it does not run.
 *
 * @param {string} program
 * @param {string[]} args
 * @returns {Promise<string | undefined>}
 */
export async function versionOf(program, args) {
  if (!onPath(program)) return undefined;
  try {
    // The update check asks the internet: seconds on a closed network.
    const env = { ...process.env, PULUMI_SKIP_UPDATE_CHECK: "true" };
    return (await run(program, args, { env })).trim();
  } catch {
    return undefined;
  }
}

/**
 * The installed Pulumi CLI, when it is new enough and has its Node language host beside it or on PATH.
 *
 * @returns {Promise<{version: string} | {unfit: string}>} `unfit` says why not
 */
export async function installedPulumi() {
  const file = onPath("pulumi");
  if (!file) return { unfit: "not installed" };
  const version = await versionOf("pulumi", ["version"]);
  if (!version) return { unfit: `${file} does not run` };
  if (!atLeast(version, PULUMI)) return { unfit: `${version} is installed, ${PULUMI} is needed` };
  const host = "pulumi-language-nodejs";
  if (!onPath(host) && !existsSync(join(dirname(realpathSync(file)), host))) {
    return { unfit: `${version} is installed without its Node language host` };
  }
  return { version };
}

/** The folder that the user's own CLI keeps its plugins and credentials in. */
export function userPulumiHome() {
  return process.env["PULUMI_HOME"] || join(homedir(), ".pulumi");
}

/**
 * The installed file of a plugin in exactly the version the program asks for.
 *
 * @param {keyof typeof PLUGINS} name
 * @returns {string | undefined}
 */
export function installedPlugin(name) {
  const folder = join(userPulumiHome(), "plugins", `resource-${name}-v${PLUGINS[name]}`);
  const file = join(folder, `pulumi-resource-${name}`);
  return existsSync(file) && !existsSync(`${folder}.partial`) ? file : undefined;
}
