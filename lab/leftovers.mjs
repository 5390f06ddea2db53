// What stays in the Docker engine when the stack is gone, on purpose; removed here and nothing else.
import { run } from "../toolchain/command.mjs";

/**
 * Removes the volumes of a mesh. The stack keeps them (models are long downloads), the lab does not.
 *
 * @param {string} mesh
 * @returns {Promise<string[]>} the names of the removed ones
 */
export async function removeVolumes(mesh) {
  // By label and name: a label alone could be that of someone else's volume.
  const filter = ["--filter", `label=ollama-mesh=${mesh}`, "--format", "{{.Name}}"];
  const found = words(await run("docker", ["volume", "ls", ...filter]));
  const ours = found.filter((name) => name.startsWith(mesh));
  if (ours.length > 0) await run("docker", ["volume", "rm", ...ours]);
  return ours;
}

/**
 * Removes all images below a name.
 *
 * @param {string} repository
 * @returns {Promise<string[]>} the references of the removed ones
 */
export async function removeImages(repository) {
  const filter = ["--filter", `reference=${repository}/*`, "--format", "{{.Repository}}:{{.Tag}}"];
  const ours = words(await run("docker", ["images", ...filter]));
  if (ours.length > 0) await run("docker", ["rmi", ...ours]);
  return ours;
}

/** @param {string} output */
function words(output) {
  return output.split(/\s+/).filter((word) => word !== "");
}
