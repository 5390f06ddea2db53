// The official images, when the engine can get them.
import { spawn } from "node:child_process";

import { CommandError } from "../../toolchain/command.mjs";
import { step } from "../../toolchain/progress.mjs";
import { imageExists } from "./docker-image.mjs";
import { NGINX_VERSION, OLLAMA_VERSION } from "./versions.mjs";

export const OFFICIAL = {
  nginx: `nginx:${NGINX_VERSION}`,
  ollama: `ollama/ollama:${OLLAMA_VERSION}`,
};

/** How long the registry may take for its first answer. */
const ANSWER_WITHIN_MS = 8_000;

/**
 * Has the engine pull the official images; the small one first, since it shows whether that works at all.
 *
 * @returns {Promise<string | undefined>} why they are not to be had; nothing when they are there
 * @throws {Error} when there is no room for them, nor then for others
 */
export async function officialImagesRefused() {
  for (const reference of [OFFICIAL.nginx, OFFICIAL.ollama]) {
    if (await imageExists(reference)) continue;
    const refused = await step(`Pull ${reference}`, async (detail) => {
      const reason = await pull(reference, detail);
      detail(reason ? `not to be had: ${reason}` : "");
      return reason;
    });
    if (refused?.includes("no space left on device")) {
      throw new Error(
        `${reference} could not be pulled: ${refused}\n` +
          "Make room where Docker keeps its images (docker system df says what takes it) and run this again.",
      );
    }
    if (refused) return refused;
  }
  return undefined;
}

/**
 * Only the engine knows its mirrors and proxies, so it is the one to try, not a request of our own.
 *
 * @param {string} reference
 * @param {(text: string) => void} detail
 * @returns {Promise<string | undefined>} the reason of the failure
 */
function pull(reference, detail) {
  return new Promise((resolve, reject) => {
    const docker = spawn("docker", ["pull", reference], { stdio: ["ignore", "pipe", "pipe"] });
    let last = "";
    const silent = setTimeout(() => {
      last = `no answer from the registry within ${ANSWER_WITHIN_MS / 1000} s`;
      docker.kill();
    }, ANSWER_WITHIN_MS);
    /** @param {string} chunk */
    const seen = (chunk) => {
      if (chunk.includes("Pulling from")) clearTimeout(silent);
      last = chunk.trim().split("\n").at(-1) ?? last;
      detail(last);
    };
    docker.stdout.setEncoding("utf8").on("data", seen);
    docker.stderr.setEncoding("utf8").on("data", seen);
    docker.on("error", (error) => reject(new CommandError(error.message, null, "")));
    docker.on("close", (code) => {
      clearTimeout(silent);
      resolve(code === 0 ? undefined : last || `docker pull ended with code ${code}`);
    });
  });
}
