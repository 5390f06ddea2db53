import { setTimeout as pause } from "node:timers/promises";
import { DockerError } from "../engine/docker-engine.ts";
import { withMachineLock } from "./machine-lock.ts";
import { CopyFailed, copyModel } from "./model-copy.ts";
import { PullFailed, pullModel } from "./model-pull.ts";
import type { CopyTarget } from "./model-relay.ts";
import { openSource, type ModelSource } from "./model-source.ts";
import {
  canonicalModel,
  storedModel,
  type ModelStoreRef,
  type StoredModel,
} from "./model-store.ts";
import { ownModel } from "./local-models.ts";
import { OFFLINE } from "../limits.ts";
import { progress, StepError } from "../step-error.ts";

/**
 * Gets a model from another host of the mesh where one has it, else from the internet, else from the Ollama of this
 * machine. Hosts that lack the same model at the same time wait for the first one to have it: the internet sees each
 * model once.
 *
 * @throws StepError with what each source said, when none gave it
 */
export async function fetchModel(
  target: CopyTarget,
  model: string,
  peers: readonly ModelStoreRef[],
): Promise<void> {
  const failures: string[] = [];
  let asked = peers;
  try {
    for (;;) {
      const holders = await heldOrBrought(target, model, asked);
      // Not all from the same one.
      const holder = holders[Math.floor(Math.random() * holders.length)];
      if (!holder) return;
      const { endpoint } = holder.store;
      const failed = await copyFrom(target, model, holder);
      if (!failed) return;
      progress(`${model}: not copied from ${endpoint}: ${failed.message}`);
      // Where something came, more will.
      if (failed instanceof CopyFailed && failed.gotFurther) continue;
      failures.push(`not copied from ${endpoint}: ${failed.message}`);
      asked = asked.filter((store) => store.endpoint !== endpoint);
    }
  } catch (error) {
    if (!(error instanceof StepError) || failures.length === 0) throw error;
    throw new StepError([error.message, ...failures].join("\n  "));
  }
}

interface Holder {
  store: ModelStoreRef;
  stored: StoredModel;
}

/** Who has a model; nobody where it was brought now. A host without internet lets the others try first. */
async function heldOrBrought(
  target: CopyTarget,
  model: string,
  peers: readonly ModelStoreRef[],
): Promise<Holder[]> {
  if (peers.length === 0) {
    await bring(target, model);
    return [];
  }
  for (let left = OFFLINE.tries; ; left--) {
    try {
      const bringOnce = async () => {
        const holders = await holdersOf(peers, model);
        if (holders.length === 0) await bring(target, model);
        return holders;
      };
      return await withMachineLock(target.container, bringOnce, () => {
        progress(
          `${model}: ${target.endpoint} waits until another host of the mesh has downloaded`,
        );
      });
    } catch (error) {
      if (left === 0 || !(error instanceof PullFailed && error.unreachable)) throw error;
      progress(
        `${model}: ${target.endpoint} reaches no registry; waiting for another host to have it`,
      );
      await pause(OFFLINE.pauseMs);
    }
  }
}

async function holdersOf(peers: readonly ModelStoreRef[], model: string): Promise<Holder[]> {
  const all = await Promise.all(
    peers.map(async (store) => ({
      store,
      stored: await storedModel(store, canonicalModel(model)),
    })),
  );
  return all.flatMap(({ store, stored }) => (stored ? [{ store, stored }] : []));
}

/** From outside of the mesh. */
async function bring(target: CopyTarget, model: string): Promise<void> {
  try {
    await pullModel(target, model);
  } catch (error) {
    if (!(error instanceof PullFailed && error.elsewhere)) throw error;
    const own = await ownModel(canonicalModel(model));
    if (!own) throw error;
    await copy(target, model, own.source, own.stored).catch((failed: Error) => {
      if (!(failed instanceof CopyFailed)) throw failed;
      throw new StepError(`model ${model}: ${failed.message}`);
    });
  }
}

/** What went wrong, if anything did. */
async function copyFrom(
  target: CopyTarget,
  model: string,
  { store, stored }: Holder,
): Promise<Error | undefined> {
  try {
    const source = await openSource(store, target.container);
    try {
      await copy(target, model, source, stored);
    } finally {
      await source.close();
    }
    return undefined;
  } catch (error) {
    if (error instanceof StepError || error instanceof DockerError) return error;
    throw error;
  }
}

async function copy(
  target: CopyTarget,
  model: string,
  source: ModelSource,
  stored: StoredModel,
): Promise<void> {
  const began = Date.now();
  progress(`${model}: copying from ${source.name} to ${target.endpoint}`);
  const bytes = await copyModel(target, source, canonicalModel(model), stored);
  const seconds = Math.max(0.1, (Date.now() - began) / 1000);
  const mib = bytes / 1024 ** 2;
  progress(`${model}: ${mib.toFixed(0)} MiB in ${seconds.toFixed(1)} s (${source.name})`);
}
