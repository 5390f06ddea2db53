// Ollama, built from its Go module: it runs models on the CPU, and needs nothing but Go and a C++ compiler.
import { copyFile, mkdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";

import { built, contentOf } from "../../../toolchain/cache.mjs";
import { CommandError, run } from "../../../toolchain/command.mjs";
import { ensureAptPackages, isThere } from "../../apt-packages.mjs";
import { debianRootfs } from "../debian-rootfs.mjs";
import { OLLAMA_VERSION } from "../versions.mjs";

const HERE = import.meta.dirname;
const IMAGES = dirname(HERE);
const MODULE = "github.com/ollama/ollama";

/**
 * The program, built now when it is not in the cache.
 *
 * @param {(text: string) => void} detail
 * @returns {Promise<string>} its path
 */
export async function ollamaBinary(detail) {
  const sources = contentOf(IMAGES, "ollama/go.mod", "ollama/go.sum", "ollama/ollama-binary.mjs");
  const headers = await headersFolder(detail);
  const folder = await built("ollama", [process.arch, OLLAMA_VERSION, ...sources], async (out) => {
    await ensureAptPackages("compiling Ollama", [{ has: "g++", apt: "g++" }]);
    const flags = [
      "-s -w",
      `-X=${MODULE}/version.Version=${OLLAMA_VERSION}`,
      `-X=${MODULE}/server.mode=release`,
    ];
    const build = ["build", "-v", "-mod=readonly", "-buildvcs=false", "-trimpath"];
    await go([...build, "-ldflags", flags.join(" "), "-o", join(out, "ollama"), MODULE], {
      env: {
        ...process.env,
        CGO_ENABLED: "1",
        CGO_CFLAGS: "-O2",
        CGO_CXXFLAGS: `-O2 -I${headers}`,
      },
      onLine: detail,
    });
  });
  return join(folder, "ollama");
}

/**
 * Three header-only libraries that Ollama's repository carries in a folder named `vendor`, which module
 * archives leave out: two are Debian packages, the third lies in another Go module.
 *
 * @param {(text: string) => void} detail
 */
async function headersFolder(detail) {
  const sources = contentOf(IMAGES, "debian-rootfs.mjs", "ollama/go.mod");
  return built("ollama-headers", sources, async (out) => {
    const tar = join(out, "packages.tar");
    await debianRootfs(tar, ["nlohmann-json3-dev", "libstb-dev"], { only: true, detail });
    for (const name of ["nlohmann", "stb"]) {
      const path = `./usr/include/${name}`;
      await run("tar", ["-xf", tar, "-C", out, "--strip-components=3", path]);
    }
    await rm(tar);
    const malgo = JSON.parse(await go(["mod", "download", "-json", "github.com/gen2brain/malgo"]));
    await mkdir(join(out, "miniaudio"));
    await copyFile(join(malgo.Dir, "miniaudio.h"), join(out, "miniaudio", "miniaudio.h"));
  });
}

/**
 * @param {string[]} args
 * @param {{env?: NodeJS.ProcessEnv, onLine?: (line: string) => void}} [options]
 */
async function go(args, options) {
  if (!isThere("go")) {
    throw new Error(
      "Docker Hub's images could not be used, and building Ollama needs Go 1.24 or newer, which is not on PATH.\n" +
        "Install Go and run this again.",
    );
  }
  try {
    return await run("go", args, { cwd: HERE, ...options });
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    throw new Error(
      `Ollama's Go module could not be built; is a Go module proxy reachable (go env GOPROXY)?\n${error.message}`,
      { cause: error },
    );
  }
}
