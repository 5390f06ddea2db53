// The official releases of the Pulumi CLI and of its plugins, as their host lays them out.
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";

import { built, builtFolder, cacheFolder, ensureCacheFolder } from "./cache.mjs";
import { CommandError, run } from "./command.mjs";
import { NOT_FOUND, UNREACHABLE } from "./download.mjs";
import { isBuilt } from "./go-modules.mjs";
import { step } from "./progress.mjs";
import { PLUGINS, PULUMI } from "./versions.mjs";

const OFFICIAL = "https://get.pulumi.com";
const PROBE_SECONDS = 4;
const ANSWER_SECONDS = 30;
/** After that a closed network is asked again, so that official releases are used once they can be had. */
const ASK_AGAIN_MS = 24 * 60 * 60 * 1000;

/** The CLI's files are named with Node's word for the architecture, the plugins' with Go's. */
const GO_ARCHITECTURE = /** @type {Record<string, string>} */ ({ x64: "amd64" });

/** @typedef {keyof typeof PLUGINS} PluginName */

/** @typedef {{base: string, env: NodeJS.ProcessEnv}} Way `env` has the Node that downloads */

/** @param {Way} way @param {string} url @param {string} file @param {(line: string) => void} [onLine] */
async function download(way, url, file, onLine) {
  const program = join(import.meta.dirname, "download.mjs");
  const seconds = String(onLine ? ANSWER_SECONDS : PROBE_SECONDS);
  await run("node", [program, url, file, seconds], {
    env: { ...way.env, NODE_USE_ENV_PROXY: "1", NODE_NO_WARNINGS: "1" },
    ...(onLine && { onLine }),
  });
}

/**
 * @template T
 * @param {(folder: string) => Promise<T>} work
 */
async function inTemporaryFolder(work) {
  const folder = await mkdtemp(join(tmpdir(), "ollama-mesh-"));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** @param {Way} way @param {string} url */
function text(way, url) {
  return inTemporaryFolder(async (folder) => {
    await download(way, url, join(folder, "text"));
    return readFile(join(folder, "text"), "utf8");
  });
}

const cliChecksums = (/** @type {string} */ base) =>
  `${base}/releases/sdk/pulumi-${PULUMI}-checksums.txt`;

/**
 * The official host, when it can be reached. Asked only where the answer matters: not when what is missing is in the
 * cache already, and once a day when it has been built from Go modules.
 *
 * @param {NodeJS.ProcessEnv} env
 * @param {{cli: boolean, plugins: PluginName[]}} missing
 * @returns {Promise<Way | undefined>}
 */
export async function officialWay(env, missing) {
  const mirror = process.env["OLLAMA_MESH_PULUMI_RELEASES"]?.replace(/\/+$/, "");
  const way = { base: mirror || OFFICIAL, env };
  const wanted = missing.plugins.map((name) => pluginFolder(way, name));
  if (missing.cli) wanted.push(cliFolder(way));
  if (wanted.every((folder) => existsSync(folder))) return way;
  const refused = join(cacheFolder(), "official-releases-unreachable");
  if (!mirror && isBuilt(missing.cli) && (await age(refused)) < ASK_AGAIN_MS) return undefined;
  try {
    await text(way, cliChecksums(way.base));
    console.error(`> Pulumi: official releases from ${way.base}`);
    return way;
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    const fault = error.output.trim();
    if (mirror) {
      throw new Error(`${fault}\nOLLAMA_MESH_PULUMI_RELEASES must name a mirror of ${OFFICIAL}`, {
        cause: error,
      });
    }
    if (error.code !== UNREACHABLE && error.code !== NOT_FOUND) throw error;
    const why = fault.replace(/^.*?: /, "");
    console.error(`> Pulumi: ${OFFICIAL} cannot be had from here (${why}): from Go modules`);
    // A cache that cannot be written may hold all that is needed; where it does not, the build says so.
    await ensureCacheFolder()
      .then(() => writeFile(refused, ""))
      .catch(() => {});
    return undefined;
  }
}

/** @param {string} file */
async function age(file) {
  return stat(file).then(
    ({ mtimeMs }) => Date.now() - mtimeMs,
    () => Infinity,
  );
}

/** @param {Way} way */
const cliInputs = ({ base }) => [base, PULUMI, process.platform, process.arch];
/** @param {Way} way */
const cliFolder = (way) => builtFolder("pulumi-official", cliInputs(way));

/**
 * The official CLI with its language hosts.
 *
 * @param {Way} way
 * @returns {Promise<string>} the folder to put on PATH
 */
export async function officialCli(way) {
  const name = `pulumi-v${PULUMI}-${process.platform}-${process.arch}.tar.gz`;
  const url = `${way.base}/releases/sdk/${name}`;
  const folder = await built("pulumi-official", cliInputs(way), (out) =>
    step(`downloading the Pulumi CLI ${PULUMI}`, (detail) =>
      unpack(way, url, cliChecksums(way.base), out, ["--strip-components=1"], detail),
    ),
  );
  return existsSync(join(folder, "bin", "pulumi")) ? join(folder, "bin") : folder;
}

/** @param {PluginName} name */
function pluginFile(name) {
  const architecture = GO_ARCHITECTURE[process.arch] ?? process.arch;
  return `pulumi-resource-${name}-v${PLUGINS[name]}-${process.platform}-${architecture}.tar.gz`;
}

/** @param {Way} way @param {PluginName} name */
const pluginInputs = ({ base }, name) => [base, pluginFile(name)];
/** @param {Way} way @param {PluginName} name */
const pluginFolder = (way, name) => builtFolder(`pulumi-official-${name}`, pluginInputs(way, name));

/**
 * An official plugin.
 *
 * @param {Way} way
 * @param {PluginName} name
 * @returns {Promise<string>} the folder it lies in
 */
export function officialPlugin(way, name) {
  const version = PLUGINS[name];
  const folder = `${way.base}/releases/plugins`;
  const sums = `${folder}/pulumi-${name}_${version}_checksums.txt`;
  return built(`pulumi-official-${name}`, pluginInputs(way, name), (out) =>
    step(`downloading the official ${name} plugin ${version}`, (detail) =>
      unpack(way, `${folder}/${pluginFile(name)}`, sums, out, [], detail),
    ),
  );
}

/**
 * Downloads a tarball, checks it against the publisher's checksums of that version and unpacks it.
 *
 * Pulumi publishes no hash that could be looked up without reaching its hosts, so the version is pinned here and the
 * content by the checksums file beside it: SHA-256 for the CLI and the command plugin, SHA-1 for the docker plugin.
 *
 * @param {Way} way
 * @param {string} url
 * @param {string} checksumsUrl
 * @param {string} out
 * @param {string[]} tarOptions
 * @param {(line: string) => void} detail
 */
function unpack(way, url, checksumsUrl, out, tarOptions, detail) {
  return inTemporaryFolder(async (folder) => {
    const name = basename(url);
    const tarball = join(folder, name);
    const wanted = checksumOf(name, await text(way, checksumsUrl));
    if (!wanted) throw new Error(`${checksumsUrl} has no checksum of ${name}: refused`);
    await download(way, url, tarball, detail);
    const algorithm = { 40: "sha1", 64: "sha256", 128: "sha512" }[wanted.length] ?? "sha256";
    const got = createHash(algorithm)
      .update(await readFile(tarball))
      .digest("hex");
    if (got !== wanted) {
      throw new Error(`${url} has the ${algorithm} ${got}, its publisher says ${wanted}: refused`);
    }
    await run("tar", ["-xzf", tarball, "-C", out, ...tarOptions]);
    detail("");
  });
}

/**
 * The checksum of one file in a file as sha256sum writes it.
 *
 * @param {string} name
 * @param {string} sums
 */
function checksumOf(name, sums) {
  for (const line of sums.split("\n")) {
    const [, sum, file] = /^([0-9a-f]+)\s+\*?(?:\.\/)?(\S+)\s*$/.exec(line) ?? [];
    if (file === name) return sum;
  }
  return undefined;
}
