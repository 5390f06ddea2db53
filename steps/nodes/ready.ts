import type { NodeTlsPlan } from "../../plan/node-plan.ts";
import { askNode, nodeUrl, type Answer } from "../balancer/ask.ts";
import { containerState, lastLog } from "../engine/containers.ts";
import type { BalancerRef } from "../../plan/balancer-ref.ts";
import { dockerEngine, DockerError } from "../engine/docker-engine.ts";
import { gpuProblem, type LoadedModel } from "./gpu-share.ts";
import { canonicalModel } from "../models/model-store.ts";
import { progress, StepError } from "../step-error.ts";
import { DeadlineError, until, type Waiting, waiting } from "../until.ts";

/** A container that died this often is not coming back by itself. */
const RESTARTS = 3;

/** The node that must answer. */
export interface ReadyInput {
  balancer: BalancerRef;
  endpoint: string;
  container: string;
  node: string;
  address: string;
  port: number;
  models: string[];
  timeoutSeconds: number;
  /** Whether the first model must give a token. */
  warmUp: boolean;
  /** Nothing is asked of a node in maintenance. */
  maintenance: boolean;
  pids: number;
  /** What stands beside it and is published in its place. */
  guard?: { container: string; pids: number };
  /** How the balancer gets past the guard. */
  tls?: NodeTlsPlan;
  /** What a server that is not Ollama must answer; it is asked for nothing else. */
  healthPath?: string;
  /** Percent of the first model that must lie in GPU memory; none for a node without GPUs. */
  minimumGpuPercent?: number;
}

/** Waits until a node answers as a client would need it: version, models, and one real token; a service its health check. */
export async function ready(input: ReadyInput): Promise<{ ready: string }> {
  const { docker } = dockerEngine(input.endpoint);
  // The docker provider has no such argument.
  const limits = [{ container: input.container, pids: input.pids }, input.guard ?? []].flat();
  for (const { container, pids } of limits) {
    await docker(["update", "--pids-limit", String(pids), container]);
  }
  if (input.maintenance) return { ready: `${input.node} is in maintenance` };
  const deadline = Date.now() + input.timeoutSeconds * 1000;
  try {
    if (input.healthPath !== undefined) {
      await answer(input, deadline, input.healthPath);
      return { ready: `${input.node} answers ${input.healthPath}` };
    }
    const version = await answer(input, deadline, "/api/version");
    await requireModels(input, deadline);
    const [model] = input.models;
    if (input.warmUp && model) {
      await warmUp(input, deadline, canonicalModel(model));
      await requireGpu(input, deadline, canonicalModel(model));
    }
    return {
      ready: `${input.node} runs Ollama ${(JSON.parse(version.body) as { version: string }).version}`,
    };
  } catch (error) {
    if (!(error instanceof DeadlineError || error instanceof StepError)) throw error;
    const logs = await Promise.all(containersOf(input).map((name) => logOf(input.endpoint, name)));
    throw new StepError(
      `node ${input.node} is not ready and gets no traffic: ${error.message}\n${logs.join("\n")}`,
    );
  }
}

const containersOf = ({ container, guard }: ReadyInput) => [
  container,
  ...(guard ? [guard.container] : []),
];

async function logOf(endpoint: string, container: string): Promise<string> {
  const log = await lastLog(endpoint, container).catch(() => "  (no log)");
  return `  last lines of container ${container}:\n${log}`;
}

/** Asks until the answer is 200. */
async function answer(
  input: ReadyInput,
  deadline: number,
  path: string,
  body?: unknown,
): Promise<Answer> {
  const url = nodeUrl(input, path);
  const left = () => Math.max(1, Math.ceil((deadline - Date.now()) / 1000));
  return until(`${body ? "POST" : "GET"} ${url}`, left(), async () => {
    await requireRunning(input);
    try {
      const seconds = body ? left() : Math.min(5, left());
      const got = await askNode(input.balancer, input, path, seconds, body);
      return got.status === 200 ? got : refused(got, path, url);
    } catch (error) {
      if (error instanceof DockerError) return waiting(error.stderr.trim());
      throw error;
    }
  });
}

/** What the node refuses for good is not asked again. */
function refused(got: Answer, path: string, url: string): Waiting {
  const words = `status ${got.status} ${got.body.slice(0, 200)}`.trim();
  if (path === "/api/generate" && got.status !== 503) throw new StepError(`POST ${url}: ${words}`);
  return waiting(words);
}

async function requireRunning(input: ReadyInput): Promise<void> {
  for (const container of containersOf(input)) {
    const state = await containerState(input.endpoint, container);
    if (!state) throw new StepError(`container ${container} is gone`);
    if (state.restarts >= RESTARTS) {
      throw new StepError(
        `container ${container} died ${state.restarts} times (exit code ${state.exitCode})`,
      );
    }
  }
}

async function requireModels(input: ReadyInput, deadline: number): Promise<void> {
  const { body } = await answer(input, deadline, "/api/tags");
  const present = new Set(
    (JSON.parse(body) as { models: { name: string }[] }).models.map(({ name }) => name),
  );
  const missing = input.models.filter((model) => !present.has(canonicalModel(model)));
  if (missing.length > 0) {
    throw new StepError(
      `it does not have ${missing.join(", ")}, although the volume had; is another volume mounted?`,
    );
  }
}

/** One token; an embedding for a model that can do nothing else. */
async function warmUp(
  input: ReadyInput,
  deadline: number,
  model: string,
  stay: { keep_alive?: string } = {},
): Promise<void> {
  progress(`node ${input.node}: loading ${model}`);
  try {
    await answer(input, deadline, "/api/generate", {
      model,
      prompt: "hi",
      stream: false,
      options: { num_predict: 1 },
      ...stay,
    });
  } catch (error) {
    if (!(error instanceof StepError && /does not support generate/.test(error.message)))
      throw error;
    await answer(input, deadline, "/api/embed", { model, input: "hi", ...stay });
  }
}

/** Long enough to be looked at, where ollama.keepAlive unloads a model at once. */
const STAY = { keep_alive: "1m" };

/**
 * Ollama that finds no GPU, or too little memory on it, runs on the CPU: it answers all the same, and
 * only /api/ps tells.
 */
async function requireGpu(input: ReadyInput, deadline: number, model: string): Promise<void> {
  if (input.minimumGpuPercent === undefined) return;
  let loaded = await loadedModel(input, deadline, model);
  if (!loaded) {
    await warmUp(input, deadline, model, STAY);
    loaded = await loadedModel(input, deadline, model);
  }
  if (!loaded) throw new StepError(`/api/ps does not show ${model}, which has just answered`);
  const problem = gpuProblem(loaded, model, input.minimumGpuPercent);
  if (problem) throw new StepError(problem);
}

async function loadedModel(
  input: ReadyInput,
  deadline: number,
  model: string,
): Promise<LoadedModel | undefined> {
  const { body } = await answer(input, deadline, "/api/ps");
  return (JSON.parse(body) as { models: LoadedModel[] }).models.find(({ name }) => name === model);
}
