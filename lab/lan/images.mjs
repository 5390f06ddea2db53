// Images from the engine of this machine into that of a simulated one.
import { spawn } from "node:child_process";

import { CommandError, run } from "../../toolchain/command.mjs";

/**
 * Makes sure that the engine of a machine holds images, straight from engine to engine: nothing is
 * written on the way, and ssh does not encrypt it.
 *
 * @param {string} container of the machine
 * @param {readonly string[]} images
 */
export async function loadImages(container, images) {
  if (images.length === 0) return;
  const format = "{{.Repository}}:{{.Tag}}";
  const inside = ["exec", container, "docker", "images", "--format", format];
  const there = new Set((await run("docker", inside)).split("\n"));
  const missing = images.filter((image) => !there.has(image));
  if (missing.length === 0) return;
  const save = spawn("docker", ["save", ...missing], { stdio: ["ignore", "pipe", "pipe"] });
  const load = spawn("docker", ["exec", "-i", container, "docker", "load", "--quiet"], {
    stdio: ["pipe", "ignore", "pipe"],
  });
  save.stdout.pipe(load.stdin);
  load.stdin.on("error", () => {}); // it may end before all was sent; its own words say why
  await Promise.all([ended(save, "docker save"), ended(load, `docker load in ${container}`)]);
}

/**
 * @param {import("node:child_process").ChildProcess} child
 * @param {string} what
 * @returns {Promise<void>}
 */
function ended(child, what) {
  let stderr = "";
  child.stderr?.setEncoding("utf8").on("data", (chunk) => (stderr += chunk));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => {
      if (code === 0) return resolve();
      reject(new CommandError(`${what} ended with code ${code}: ${stderr.trim()}`, code, stderr));
    });
  });
}
