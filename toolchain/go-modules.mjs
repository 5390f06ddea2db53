// The closed-network way: the CLI and the plugins out of the Go module proxy, each pinned by its go.sum.
import { existsSync } from "node:fs";
import { chmod, cp, link } from "node:fs/promises";
import { join } from "node:path";

import { built, builtFolder, contentOf } from "./cache.mjs";
import { CommandError, run } from "./command.mjs";
import { step } from "./progress.mjs";
import { PLUGINS, PULUMI } from "./versions.mjs";

const HERE = import.meta.dirname;
const OLDEST_GO = "1.26";
const VERSION_VARIABLE = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version";

const WAY_OUT = `Pulumi >= ${PULUMI} is not installed, its official hosts cannot be reached from here, and building it needs Go >= ${OLDEST_GO}.
Do one of these:
  - install Go >= ${OLDEST_GO} (go.dev/dl, or your distribution's golang-${OLDEST_GO} package); the modules come from your Go module proxy
  - install the Pulumi CLI and its plugins (docker ${PLUGINS.docker}, command ${PLUGINS.command}) yourself
  - let this machine reach get.pulumi.com, or set OLLAMA_MESH_PULUMI_RELEASES to a mirror of it`;

/** @param {unknown} error */
function explained(error) {
  const text = error instanceof Error ? error.message : String(error);
  const noGo =
    text.includes("cannot run go:") || /requires go >= |toolchain not available/.test(text);
  return noGo ? new Error(`${WAY_OUT}\n\n(${text.trim()})`, { cause: error }) : error;
}

/** @typedef {{name: string, title: string, folder: string, flags: string[], packages: string[]}} Build */

/** @type {Build} */
const CLI = {
  name: "pulumi-cli",
  title: `building the Pulumi CLI ${PULUMI} from its Go module (once; about 6 minutes on 2 cores)`,
  folder: "cli",
  flags: ["-tags", "osusergo,grpcnotrace", "-ldflags", `-s -w -X ${VERSION_VARIABLE}=v${PULUMI}`],
  packages: ["github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"],
};

/** @type {Build} */
const PLUGIN_BINARIES = {
  name: "pulumi-plugins",
  title: "building the docker and command plugins from Go modules (once; 2 minutes on 2 cores)",
  folder: "plugins",
  flags: ["-tags", "no_compose", "-ldflags", "-s -w"],
  packages: ["./cmd/..."],
};

/** @type {Build} */
const YAML_HOST = {
  name: "pulumi-language-yaml",
  title: "building Pulumi's YAML host from its Go module (once; about a minute on 2 cores)",
  folder: "languages/yaml",
  flags: ["-ldflags", "-s -w"],
  packages: ["github.com/pulumi/pulumi-yaml/cmd/pulumi-language-yaml"],
};

/** @type {Build} */
const OWN_HOSTS = {
  name: "pulumi-language-hosts",
  title: "building hosts for Python and Go programs (once; seconds where the CLI was built)",
  folder: "languages/hosts",
  // As the CLI is, whose packages it shares: another flag would compile them all again.
  flags: ["-tags", "osusergo,grpcnotrace", "-ldflags", "-s -w"],
  packages: ["."],
};

/** @param {Build} what */
function inputsOf({ folder, flags, packages }) {
  const sources = contentOf(join(HERE, folder), ".").filter((line) => !line.includes("_test.go "));
  return [process.platform, process.arch, ...flags, ...packages, ...sources];
}

/**
 * Builds packages of one of our Go modules into the cache.
 *
 * @param {Build} what
 * @returns {Promise<string>} the folder with the binaries
 */
function goBuild(what) {
  return built(what.name, inputsOf(what), (out) =>
    step(what.title, async (detail) => {
      const args = ["build", "-v", "-mod=readonly", "-trimpath", ...what.flags];
      try {
        await run("go", [...args, "-o", `${out}/`, ...what.packages], {
          cwd: join(HERE, what.folder),
          env: { ...process.env, CGO_ENABLED: "0", GOFLAGS: "-buildvcs=false", GOWORK: "off" },
          onLine: detail,
        });
        detail("");
      } catch (error) {
        throw error instanceof CommandError ? explained(error) : error;
      }
    }),
  );
}

/** Both plugins: `docker` around upstream's Terraform provider, `command` our own. */
export const buildPlugins = () => goBuild(PLUGIN_BINARIES);

/**
 * Whether the plugins have been built, and the CLI too where it is wanted.
 *
 * @param {boolean} cliToo
 */
export function isBuilt(cliToo) {
  return (cliToo ? [CLI, PLUGIN_BINARIES] : [PLUGIN_BINARIES]).every((what) =>
    existsSync(builtFolder(what.name, inputsOf(what))),
  );
}

/**
 * The Pulumi CLI from its own Go module, nothing of ours in it, and beside it our own small language host:
 * the engine looks there too, and warns of one that it finds on PATH.
 *
 * @returns {Promise<string>} the folder to put on PATH
 */
export async function buildCli() {
  const cli = await goBuild(CLI);
  const host = join(HERE, "langhost");
  return built("pulumi", [cli, ...contentOf(host, ".")], async (out) => {
    await cp(host, out, { recursive: true });
    await chmod(join(out, "pulumi-language-nodejs"), 0o755);
    await link(join(cli, "pulumi"), join(out, "pulumi")); // not a symbolic one: the engine would look beside its target
  });
}

/**
 * The hosts of languages other than Node's: YAML's own, and ours for Python and Go.
 *
 * @returns {Promise<Record<"yaml" | "python" | "go", string>>} their files
 */
export async function buildLanguageHosts() {
  const yaml = join(await goBuild(YAML_HOST), "pulumi-language-yaml");
  const own = join(await goBuild(OWN_HOSTS), "hosts");
  return { yaml, python: own, go: own };
}
