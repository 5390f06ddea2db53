// How one gets to the simulated machines: a key, an ssh config and their host keys, in a folder of their own.
import { existsSync } from "node:fs";
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";

import { run } from "../../toolchain/command.mjs";
import { ensureAptPackages } from "../apt-packages.mjs";

/** @param {string} folder */
const files = (folder) => ({
  key: join(folder, "id"),
  config: join(folder, "ssh_config"),
  knownHosts: join(folder, "known_hosts"),
  programs: join(folder, "bin"),
});

/**
 * The public key that all machines know; made now when there is none.
 *
 * @param {string} folder
 * @returns {Promise<string>}
 */
export async function publicKey(folder) {
  await ensureAptPackages("reaching machines over ssh", [{ has: "ssh", apt: "openssh-client" }]);
  const { key } = files(folder);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  if (!existsSync(key)) {
    const words = ["-q", "-t", "ed25519", "-N", "", "-C", "ollama-mesh-lab", "-f", key];
    await run("ssh-keygen", words);
  }
  return (await readFile(`${key}.pub`, "utf8")).trim();
}

/**
 * Writes what ssh needs to know: `ssh -F <folder>/ssh_config lan1` logs in, and an `ssh` of our own that
 * always does so, since neither the docker command nor its provider can be told of another config.
 *
 * @param {string} folder
 * @param {readonly import("./machines.mjs").LanHost[]} hosts
 */
export async function writeSshFiles(folder, hosts) {
  const { key, config, knownHosts, programs } = files(folder);
  const blocks = hosts.map(
    ({ name, address, user, port }) =>
      `Host ${name}\n  HostName ${address}\nHost ${name} ${address}\n  User ${user}\n  Port ${port}\n`,
  );
  const all = [
    `IdentityFile "${key}"`,
    "IdentitiesOnly yes",
    "IdentityAgent none",
    `UserKnownHostsFile "${knownHosts}"`,
    "GlobalKnownHostsFile /dev/null",
    "StrictHostKeyChecking yes",
    "BatchMode yes",
  ];
  await writeFile(config, `${blocks.join("")}Host *\n  ${all.join("\n  ")}\n`, { mode: 0o600 });
  const known = hosts.map(({ address, port, hostKey }) =>
    port === 22 ? `${address} ${hostKey}` : `[${address}]:${port} ${hostKey}`,
  );
  await writeFile(knownHosts, known.map((line) => `${line}\n`).join(""), { mode: 0o600 });
  await mkdir(programs, { recursive: true });
  await writeFile(
    join(programs, "ssh"),
    `#!/bin/sh\nexec ${await sshProgram(folder)} -F '${config}' "$@"\n`,
  );
  await chmod(join(programs, "ssh"), 0o755);
}

/**
 * An environment in which every program that starts `ssh` knows the machines.
 *
 * @param {string} folder
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {NodeJS.ProcessEnv}
 */
export function sshEnvironment(folder, env = process.env) {
  return { ...env, PATH: `${files(folder).programs}${delimiter}${env.PATH ?? ""}` };
}

/** @param {string} folder */
async function sshProgram(folder) {
  const others = (process.env.PATH ?? "").split(delimiter);
  const PATH = others.filter((path) => path !== files(folder).programs).join(delimiter);
  return (await run("sh", ["-c", "command -v ssh"], { env: { ...process.env, PATH } })).trim();
}
