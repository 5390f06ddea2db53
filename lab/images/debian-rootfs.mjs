// File systems made of Debian packages, for images where Docker Hub cannot be reached.
import { existsSync } from "node:fs";

import { ensureAptPackages } from "../apt-packages.mjs";
import { CommandError, run } from "../../toolchain/command.mjs";

/** Debian testing: the suite that has nginx 1.30 and njs 1.0. */
const SUITE = "forky";

const KEYRINGS = ["gpg", "pgp"].map((end) => `/usr/share/keyrings/debian-archive-keyring.${end}`);

/**
 * Writes a tar file with Debian packages in it.
 *
 * @param {string} tarFile
 * @param {readonly string[]} packages
 * @param {{only?: boolean, detail?: (text: string) => void}} [options]
 *   `only`: nothing but the unpacked packages; otherwise with what a Debian system needs to run
 */
export async function debianRootfs(tarFile, packages, { only = false, detail } = {}) {
  await ensureAptPackages("building images from Debian packages", [
    { has: "mmdebstrap", apt: "mmdebstrap" },
    { has: KEYRINGS, apt: "debian-archive-keyring" },
  ]);
  const mirror = await debianMirror();
  const source = `deb [signed-by=${KEYRINGS.find(existsSync)}] ${mirror} ${SUITE} main`;
  const unused = ["man", "locale", "doc"].map(
    (folder) => `--dpkgopt=path-exclude=/usr/share/${folder}/*`,
  );
  const variant = only ? "extract" : "essential";
  const args = [`--variant=${variant}`, `--include=${packages.join(",")}`, ...unused];
  // A mirror of a closed network may lag behind the date at which testing's index runs out.
  args.push('--aptopt=Acquire::Check-Valid-Until "false"', SUITE, tarFile, source);
  try {
    await run("mmdebstrap", args, detail ? { onLine: detail } : {});
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    throw new Error(
      `Could not unpack ${packages.join(", ")} of Debian ${SUITE} from ${mirror}. ` +
        `Is ${SUITE} served there? Another mirror: LAB_DEBIAN_MIRROR=<address>\n${error.message}`,
      { cause: error },
    );
  }
}

/** The mirror that this machine's own apt uses. */
async function debianMirror() {
  if (process.env.LAB_DEBIAN_MIRROR) return process.env.LAB_DEBIAN_MIRROR;
  const format = ["indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"];
  const addresses = await run("apt-get", format).catch(() => "");
  const mirror = addresses.split("\n").find((address) => /\/debian\/?$/.test(address));
  if (mirror) return mirror;
  throw new Error(
    "apt on this machine knows no Debian mirror, and Docker Hub's images could not be used.\n" +
      "Say where Debian packages are to be had: LAB_DEBIAN_MIRROR=<address> npm run lab",
  );
}
