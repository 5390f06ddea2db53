// npm run lan:down: removes what `npm run lan` made, and nothing else.
import "../../toolchain/node/oldest-node.mjs";
import { step } from "../../toolchain/progress.mjs";
import { commandLine } from "../command-line.mjs";
import { ensureDockerEngine, stopStartedEngine } from "../docker-engine.mjs";
import { lanDown } from "./machines.mjs";
import { LabStack } from "../stack.mjs";

const HELP = `npm run lan:down

Removes what "npm run lan" made on this machine: the simulated machines with all that is on them, their
bridge, the state of the stack "lan" below .lan/, and the Docker engine, if the lab had started that and
nothing else runs on it. Downloads, programs and images that were built stay.

  --help  this text`;

await commandLine(HELP, {}, async () => {
  const stack = new LabStack("lan");
  if (!stack.exists()) {
    console.log('There is no stack "lan" here: nothing to take down.');
    return;
  }
  await ensureDockerEngine();
  // Nothing of the mesh is anywhere else: it need not be drained and taken down in order first.
  await step("Remove the machines", async (detail) => detail(`${await lanDown({})} of them`));
  await stack.forget();
  if ((await stopStartedEngine()) === "in use") {
    console.log("The Docker engine that the lab had started goes on: containers run on it.");
  }
});
