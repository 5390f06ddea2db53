// Images for changes: the same programs under another id, and an Ollama that misbehaves on demand.
import { join } from "node:path";

import { run } from "../../toolchain/command.mjs";
import { REPOSITORY } from "../../lab/images/docker-image.mjs";
import { ensureCacheFolder } from "../../toolchain/cache.mjs";
import { locked } from "../../toolchain/lock.mjs";

const ACTING = join(import.meta.dirname, "acting-image");

/** The same image under another name and with another id, as a newer release of it would be. */
export async function nextRelease(image: string, what: string): Promise<string> {
  return build(`${REPOSITORY}/live-next-${what}:latest`, "-", {
    input: `FROM ${image}\nLABEL ollama-mesh-lab.release=next\n`,
  });
}

/** An Ollama image that does as MESH_LIVE_ACTS says: see acting-image/. */
export async function actingImage(image: string): Promise<string> {
  return build(`${REPOSITORY}/live-acting:latest`, ACTING, {}, "--build-arg", `BASE=${image}`);
}

/**
 * The tag is the same for every run, and so is what is built: the layers of the image it stands on, and a few bytes. One
 * after the other, for Docker makes two images of two builds at once, and the tag leads away from a mesh that has the first.
 */
async function build(tag: string, context: string, options: object, ...args: string[]) {
  const env = { ...process.env, DOCKER_BUILDKIT: "0" };
  const words = ["build", "--quiet", "--tag", tag, ...args, context];
  const lock = join(await ensureCacheFolder(), `${tag.replaceAll(/\W/g, "-")}.lock`);
  await locked(lock, () => run("docker", words, { ...options, env }));
  return tag;
}
