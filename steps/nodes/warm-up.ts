import { modelKey } from "../models/model-store.ts";
import { progress, StepError } from "../step-error.ts";
import { gpuProblem, type LoadedModel } from "./gpu-share.ts";
import {
  lastWord,
  nameOf,
  okAnswer,
  wordsOf,
  type AnsweringNode,
  type NodeQuestion,
} from "./node-answer.ts";

/** Long enough to be looked at, where ollama.keepAlive unloads a model at once. */
const STAY = { keep_alive: "1m" };

/**
 * Has a node load a model and answer with one token; with an embedding for a model that can do nothing else.
 *
 * @param model by its full name
 * @param deadline in milliseconds, as Date.now() counts
 * @throws StepError when it refuses; DeadlineError
 */
export async function warmUp(
  node: AnsweringNode,
  deadline: number,
  model: string,
  stay: { keep_alive?: string } = {},
): Promise<void> {
  progress(`node ${node.node}: loading ${model}`);
  const generate: NodeQuestion = {
    path: "/api/generate",
    body: { model, prompt: "hi", stream: false, options: { num_predict: 1 }, ...stay },
  };
  const token = await lastWord(node, deadline, generate);
  if (token.status === 200) return;
  // Source: Ollama 0.32.15, server/routes.go, GenerateHandler.
  if (!token.body.includes("does not support generate")) {
    throw new StepError(
      `${nameOf(node, generate)}: ${wordsOf(token)}; mend that, or set rollout.warmUp: false to do without a first token`,
    );
  }
  await okAnswer(node, deadline, { path: "/api/embed", body: { model, input: "hi", ...stay } });
}

/**
 * Makes sure that enough of a model lies in GPU memory. Ollama that finds no GPU, or too little memory on it, runs
 * on the CPU: it answers all the same, and only /api/ps tells.
 *
 * @param model by its full name; it has just answered
 * @param minimumPercent of the model that must lie there
 * @param deadline in milliseconds, as Date.now() counts
 * @throws StepError when less does; DeadlineError
 */
export async function requireGpu(
  node: AnsweringNode,
  deadline: number,
  model: string,
  minimumPercent: number,
): Promise<void> {
  let loaded = await loadedModel(node, deadline, model);
  if (!loaded) {
    await warmUp(node, deadline, model, STAY);
    loaded = await loadedModel(node, deadline, model);
  }
  if (!loaded) {
    throw new StepError(
      `/api/ps does not show ${model}, which has just answered; see whether other models push it out (docker logs ${node.container}), or set gpus.minimumPercent to 0`,
    );
  }
  const problem = gpuProblem(loaded, model, minimumPercent);
  if (problem) throw new StepError(problem);
}

async function loadedModel(
  node: AnsweringNode,
  deadline: number,
  model: string,
): Promise<LoadedModel | undefined> {
  const { body } = await okAnswer(node, deadline, { path: "/api/ps" });
  return (JSON.parse(body) as { models: LoadedModel[] }).models.find(
    ({ name }) => modelKey(name) === modelKey(model),
  );
}
