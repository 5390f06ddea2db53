// Clients that go away in the middle of their streams: the trouble of Ollama that is reported most. After a dozen of
// them it answers its lists and never a token again.
import { setTimeout as pause } from "node:timers/promises";

import { run } from "../../../toolchain/command.mjs";
import { until } from "../../../toolchain/until.mjs";
import { clients } from "../load/clients.ts";
import type { Scenario } from "../scenario.ts";

const docker = (...args: string[]) => run("docker", args);
/** Streams that are cancelled at the same time. */
const AT_ONCE = 4;
const MOST_ROUNDS = 60;
/** Seconds without a token after which a stream is given up. */
const PATIENCE_SECONDS = 5;
/** The same after which the node is held to hang: a busy one lets whoever asks it directly wait in its queue. */
const HANGS_SECONDS = 30;
/** A node that hangs is seen, finds the same and restarts within these. */
const HEALED_SECONDS = 90;

/** A request for tokens, to a node itself. */
const tokens = (address: string, count: number, signal: AbortSignal) =>
  fetch(`http://${address}:11434/api/generate`, {
    method: "POST",
    body: JSON.stringify({ model: "tiny", prompt: "Hi", options: { num_predict: count } }),
    signal,
  });

/** Leaves after a few tokens. */
async function cancelOne(address: string): Promise<void> {
  const leave = new AbortController();
  const deadline = setTimeout(() => leave.abort(), PATIENCE_SECONDS * 1000);
  try {
    const answer = await tokens(address, 2000, leave.signal);
    await answer.body!.getReader().read();
    await pause(Math.random() * 30);
  } catch {
    // it hangs already
  } finally {
    clearTimeout(deadline);
    leave.abort();
  }
}

async function hangs(address: string): Promise<boolean> {
  try {
    const answer = await tokens(address, 1, AbortSignal.timeout(HANGS_SECONDS * 1000));
    await answer.text();
    return false;
  } catch {
    return true;
  }
}

export const cancelled: Scenario = {
  name: "cancelled",
  about: "streams of one node are cancelled until Ollama hangs; nobody does anything about it",
  // All ask for the model that hangs, on every node: of a model that nobody asks a node for, nobody notices there that it hangs.
  order: { groups: clients({ short: 24, long: 0 }) },
  async run(live) {
    const container = `${live.mesh}-a`;
    const network = `${live.mesh}-network`;
    const ip = `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`;
    const address = (await docker("inspect", "--format", ip, container)).trim();
    const startedAt = () => docker("inspect", "--format", "{{.State.StartedAt}}", container);
    const before = await startedAt();
    let streams = 0;
    const notes: string[] = [];
    const row = await live.trouble("cancelled streams leave a node hanging", async ({ back }) => {
      for (let round = 0; round < MOST_ROUNDS && !(await hangs(address)); round++) {
        await Promise.all(Array.from({ length: AT_ONCE }, () => cancelOne(address)));
        streams += AT_ONCE;
      }
      const since = Date.now();
      await until("restart of the node by itself", async () => (await startedAt()) !== before, {
        seconds: HEALED_SECONDS,
      });
      notes.push(
        `after ${streams} streams`,
        `restarted by itself after ${((Date.now() - since) / 1000).toFixed(1)} s`,
      );
      await back("a");
    });
    row.notes.push(...notes);
  },
};
