// npm run lab:down: removes what `npm run lab` made, and nothing else.
import "../toolchain/node/oldest-node.mjs";
import { ensureToolchain } from "../toolchain/ensure.mjs";
import { ensureDependencies } from "../toolchain/install-dependencies.mjs";
import { step } from "../toolchain/progress.mjs";
import { commandLine } from "./command-line.mjs";
import { ensureDockerEngine, stopStartedEngine } from "./docker-engine.mjs";
import { REPOSITORY } from "./images/docker-image.mjs";
import { removeImages, removeVolumes } from "./leftovers.mjs";
import { LabStack } from "./stack.mjs";

const HELP = `npm run lab:down [-- --images]

Removes what "npm run lab" made on this machine: the containers, networks and volumes of the stack "lab",
its models, its state below .lab/, and the Docker engine, if the lab had started that and nothing else
runs on it. Downloads, programs and images that were built stay, so that the next "npm run lab" is quick.

  --images  removes the images too that the lab built (Docker Hub's stay)
  --help    this text`;

const stack = new LabStack("lab");

await commandLine(HELP, { images: { type: "boolean" } }, async ({ images }) => {
  if (!stack.exists()) console.log('There is no stack "lab" here: nothing to take down.');
  if (!stack.exists() && !images) return;

  await ensureDockerEngine();
  if (stack.exists()) {
    const env = await stack.environment(await ensureToolchain());
    // Nodes are drained by steps of this checkout; someone may have cleaned it since.
    await ensureDependencies();
    await stack.destroy(env);
    await step("Remove its models", async (detail) => {
      detail((await removeVolumes(stack.mesh)).join(" "));
    });
    await stack.forget();
  }
  if (images) {
    await step("Remove the lab's own images", async (detail) => {
      detail((await removeImages(REPOSITORY)).join(" ") || "there are none");
    });
  } else {
    console.log("The images stay for the next time; npm run lab:down -- --images removes them.");
  }
  if ((await stopStartedEngine()) === "in use") {
    console.log("The Docker engine that the lab had started goes on: containers run on it.");
  }
});
