// Machines of a LAN as containers: each with its own sshd and Docker engine, on a private bridge.
import { createHash } from "node:crypto";
import { rm } from "node:fs/promises";
import { join } from "node:path";

import { cacheFolder } from "../../toolchain/cache.mjs";
import { run } from "../../toolchain/command.mjs";
import { until } from "../../toolchain/until.mjs";
import { ensureBridge, LABEL } from "./bridge.mjs";
import { ENGINE_INSIDE } from "./engine-inside.mjs";
import { loadImages } from "./images.mjs";
import { publicKey, sshEnvironment, writeSshFiles } from "./ssh.mjs";

/** The LAN that is meant where none is named. */
export const DEFAULT_LAN = "ollama-mesh-lan";

const READY = { seconds: 120, everyMs: 200 };

/**
 * @typedef {object} LanHost
 * @property {string} name `lan1`, `lan2` and so on, also for ssh
 * @property {string} container
 * @property {string} address
 * @property {string} user
 * @property {number} port of its sshd
 * @property {string} hostKey type and public key
 * @property {string} endpoint its Docker engine, with nothing left to an ssh config but the address and the key
 *
 * @typedef {object} Lan
 * @property {string} name
 * @property {string} folder with key, ssh_config and known_hosts
 * @property {string} network the bridge; a container that joins it is one more machine
 * @property {string} subnet
 * @property {NodeJS.ProcessEnv} env in which `ssh` and `docker -H ssh://lan1` know the machines
 * @property {LanHost[]} hosts
 *
 * @typedef {object} LanWish
 * @property {string} [name] prefix of all names; LANs of different names know nothing of each other
 * @property {string} [folder] default in the cache folder
 * @property {number} count
 * @property {string} image of the machines
 * @property {readonly string[]} [images] that each engine must hold, from the engine of this machine
 * @property {boolean} [internal] without a way out of the LAN
 * @property {string} [engineArgs] for dockerd
 * @property {(text: string) => void} [detail]
 */

/** @param {string} name */
const lanFolder = (name) => join(cacheFolder(), `lan-${name}`);

/** Machine and user of a number are the same in every LAN; one machine is the odd one out. */
const hostName = (/** @type {number} */ n) => `lan${n}`;
const login = (/** @type {number} */ n) =>
  n === 3 ? { user: "admin", port: 2222 } : { user: "ops", port: 22 };

/**
 * Makes sure that exactly these machines run, with these images; what is there and as wished is kept.
 *
 * @param {LanWish} wish
 * @returns {Promise<Lan>}
 */
export async function lanUp(wish) {
  const { name = DEFAULT_LAN, count, detail = () => {} } = wish;
  const folder = wish.folder ?? lanFolder(name);
  const key = await publicKey(folder);
  const { network, subnet } = await ensureBridge(name, wish.internal ?? false);
  const numbers = Array.from({ length: count }, (_, i) => i + 1);
  const wanted = numbers.map((n) => hostArgs({ ...wish, name, n, network, subnet, key }));
  await removeOthers(name, wanted);
  let ready = 0;
  const hosts = await Promise.all(
    wanted.map(async ({ container, args, host }) => {
      await ensureRuns(container, network, host.address, args);
      return { ...host, container, hostKey: await hostKeyOf(container) };
    }),
  );
  await writeSshFiles(folder, hosts);
  const env = sshEnvironment(folder);
  await Promise.all(
    hosts.map(async (host) => {
      await untilReachable(host, env);
      await loadImages(host.container, wish.images ?? []);
      detail(`${++ready} of ${count} machines`);
    }),
  );
  return { name, folder, network, subnet, env, hosts };
}

/**
 * Removes the machines of a LAN with all that is on them, its bridge and its folder.
 *
 * @param {{name?: string, folder?: string}} which
 * @returns {Promise<number>} how many machines there were
 */
export async function lanDown({ name = DEFAULT_LAN, folder = lanFolder(name) }) {
  const containers = await containersOf(name);
  if (containers.length > 0) await run("docker", ["rm", "--force", "--volumes", ...containers]);
  const filter = ["--filter", `label=${LABEL}=${name}`];
  const networks = words(await run("docker", ["network", "ls", "--quiet", ...filter]));
  for (const network of networks) await run("docker", ["network", "rm", network]);
  await rm(folder, { recursive: true, force: true });
  return containers.length;
}

/**
 * One more machine of a LAN: any container, on the bridge with a fixed address. It is kept when it runs the
 * same image, and goes with the LAN.
 *
 * @param {Lan} lan
 * @param {string} name
 * @param {string[]} command image and arguments
 * @returns {Promise<string>} its address
 */
export async function plugIn({ name: lan, network, subnet }, name, command) {
  const container = `${lan}-${name}`;
  const address = subnet.replace(/0\/24$/, "250");
  const running = ["inspect", "--format", "{{.State.Running}} {{.Config.Image}}", container];
  const state = (await run("docker", running).catch(() => "")).trim();
  if (state === `true ${command[0]}`) return address;
  if (state) await run("docker", ["rm", "--force", "--volumes", container]);
  const place = ["--network", network, "--ip", address, "--label", `${LABEL}=${lan}`];
  await run("docker", ["run", "--detach", "--name", container, ...place, ...command]);
  return address;
}

/** @param {string} name */
async function containersOf(name) {
  const filter = ["--filter", `label=${LABEL}=${name}`, "--format", "{{.Names}}"];
  return words(await run("docker", ["ps", "--all", ...filter]));
}

/**
 * @param {LanWish & {name: string, n: number, network: string, subnet: string, key: string}} one
 */
function hostArgs({ name, n, network, subnet, key, image, engineArgs = "" }) {
  const container = `${name}-${hostName(n)}`;
  const { user, port } = login(n);
  const address = subnet.replace(/0\/24$/, String(10 + n));
  const settings = { SSH_USER: user, SSH_PORT: port, AUTHORIZED_KEY: key, ENGINE_ARGS: engineArgs };
  const made = [
    ...["--init", "--hostname", hostName(n), "--network", network, "--ip", address],
    ...ENGINE_INSIDE,
    ...Object.entries(settings).flatMap(([key, value]) => ["--env", `${key}=${value}`]),
    image,
  ];
  // Whatever decides how it is made is in its label: a machine that was made otherwise is made anew.
  const recipe = createHash("sha256").update(JSON.stringify(made)).digest("hex").slice(0, 16);
  const labels = ["--label", `${LABEL}=${name}`, "--label", `${LABEL}.recipe=${recipe}`];
  const endpoint = `ssh://${user}@${hostName(n)}${port === 22 ? "" : `:${port}`}`;
  return {
    container,
    recipe,
    args: ["run", "--detach", "--name", container, ...labels, ...made],
    host: { name: hostName(n), address, user, port, endpoint },
  };
}

/**
 * Removes machines of the LAN that are not wished, or not like this.
 *
 * @param {string} name
 * @param {readonly {container: string, recipe: string}[]} wanted
 */
async function removeOthers(name, wanted) {
  const format = `{{.Names}} {{.Label "${LABEL}.recipe"}}`;
  const filter = ["--filter", `label=${LABEL}=${name}`, "--filter", `label=${LABEL}.recipe`];
  const lines = (await run("docker", ["ps", "--all", ...filter, "--format", format]))
    .split("\n")
    .filter(Boolean);
  const asWished = new Set(wanted.map(({ container, recipe }) => `${container} ${recipe}`));
  const others = lines
    .filter((line) => !asWished.has(line))
    .map((line) => line.split(" ")[0] ?? "");
  if (others.length > 0) await run("docker", ["rm", "--force", "--volumes", ...others]);
}

/**
 * Creates a machine, or mends what was done to it: switched off, paused, unplugged.
 *
 * @param {string} container
 * @param {string} network
 * @param {string} address
 * @param {string[]} args
 */
async function ensureRuns(container, network, address, args) {
  const format = `{{.State.Status}} {{with index .NetworkSettings.Networks "${network}"}}plugged{{end}}`;
  const state = await run("docker", ["inspect", "--format", format, container]).catch(() => "");
  if (!state) return void (await run("docker", args));
  if (state.startsWith("paused")) await run("docker", ["unpause", container]);
  if (!state.includes("plugged")) {
    await run("docker", ["network", "connect", "--ip", address, network, container]);
  }
  if (!state.startsWith("running")) await run("docker", ["start", container]);
  const mend = "engine on; pgrep -x sshd >/dev/null || /usr/sbin/sshd";
  await run("docker", ["exec", container, "sh", "-c", mend]);
}

/**
 * What sshd of a machine will show for its identity: read on the machine itself, so that nothing is
 * taken on trust.
 *
 * @param {string} container
 */
async function hostKeyOf(container) {
  const file = "/etc/ssh/ssh_host_ed25519_key.pub";
  const key = await waitFor(`host key of ${container}`, container, () =>
    run("docker", ["exec", container, "cat", file]),
  );
  return key.split(" ").slice(0, 2).join(" ");
}

/**
 * @param {LanHost} host
 * @param {NodeJS.ProcessEnv} env
 */
async function untilReachable({ endpoint, container }, env) {
  const ask = ["--host", endpoint, "version", "--format", "{{.Server.Version}}"];
  await waitFor(`engine at ${endpoint}`, container, () => run("docker", ask, { env }));
}

/**
 * Waits until a machine says something, and shows its log when it never does.
 *
 * @param {string} what
 * @param {string} container
 * @param {() => Promise<string>} ask
 * @returns {Promise<string>}
 */
async function waitFor(what, container, ask) {
  try {
    return await until(what, async () => (await ask()).trim() || undefined, READY);
  } catch (error) {
    const log = await run("sh", ["-c", 'docker logs --tail 20 "$0" 2>&1', container]);
    throw new Error(`${/** @type {Error} */ (error).message}\n${log}`, { cause: error });
  }
}

/** @param {string} output */
function words(output) {
  return output.split(/\s+/).filter((word) => word !== "");
}
