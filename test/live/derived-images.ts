// Images for changes: the same programs under another id, and an Ollama that misbehaves on demand.
import { join } from "node:path";

import { run } from "../../toolchain/command.mjs";
import { REPOSITORY } from "../../lab/images/docker-image.mjs";

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

/** The tag is the same for every run, and so is what is built: the layers of the image it stands on, and a few bytes. */
async function build(tag: string, context: string, options: object, ...args: string[]) {
  const env = { ...process.env, DOCKER_BUILDKIT: "0" };
  await run("docker", ["build", "--quiet", "--tag", tag, ...args, context], { ...options, env });
  return tag;
}
