// What tests and scenarios need, put in place as "npm run lab" does.
import { ensureDockerEngine } from "../lab/docker-engine.mjs";
import { ensureImages } from "../lab/images.mjs";
import { builtImage } from "../lab/images/docker-image.mjs";
import { HOST_IMAGE } from "../lab/images/host/host-image.mjs";
import { ensureToolchain } from "../toolchain/ensure.mjs";
import { ensureDependencies } from "../toolchain/install-dependencies.mjs";

/** @returns {Promise<NodeJS.ProcessEnv>} the environment in which the tests find everything */
export async function prepared() {
  const toolchain = await ensureToolchain();
  await ensureDependencies();
  await ensureDockerEngine();
  const images = await ensureImages();
  return {
    ...toolchain,
    OLLAMA_MESH_OLLAMA_IMAGE: images.ollama,
    OLLAMA_MESH_NGINX_IMAGE: images.nginx,
    OLLAMA_MESH_MODEL: images.model,
    OLLAMA_MESH_HOST_IMAGE: await builtImage(HOST_IMAGE),
  };
}
