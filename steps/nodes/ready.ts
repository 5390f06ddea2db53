import { dockerEngine } from "../engine/docker-engine.ts";
import { lastLog } from "../engine/containers.ts";
import { canonicalModel } from "../models/model-store.ts";
import { StepError } from "../step-error.ts";
import { DeadlineError } from "../until.ts";
import { containersOf, okAnswer, type AnsweringNode } from "./node-answer.ts";
import { requireGpu, warmUp } from "./warm-up.ts";

/** The node that must answer. */
export interface ReadyInput extends AnsweringNode {
  models: string[];
  timeoutSeconds: number;
  /** Whether the first model must give a token. */
  warmUp: boolean;
  /** Nothing is asked of a node in maintenance. */
  maintenance: boolean;
  /** Processes that its container may have. */
  pids: number;
  /** What a server that is not Ollama must answer; it is asked for nothing else. */
  healthPath?: string;
  /** Percent of the first model that must lie in GPU memory; none for a node without GPUs. */
  minimumGpuPercent?: number;
}

/**
 * Waits until a node answers as a client would need it: version, models, and one real token; a service its health check.
 *
 * @throws StepError with the last lines of its containers when it does not
 */
export async function ready(input: ReadyInput): Promise<{ ready: string }> {
  await limitPids(input);
  if (input.maintenance) return { ready: `${input.node} is in maintenance` };
  const deadline = Date.now() + input.timeoutSeconds * 1000;
  try {
    const { node, healthPath } = input;
    if (healthPath === undefined) {
      return { ready: `${node} runs Ollama ${await ollamaVersion(input, deadline)}` };
    }
    await okAnswer(input, deadline, { path: healthPath });
    return { ready: `${node} answers ${healthPath}` };
  } catch (error) {
    if (!(error instanceof DeadlineError || error instanceof StepError)) throw error;
    const logs = await Promise.all(containersOf(input).map((name) => logOf(input.endpoint, name)));
    throw new StepError(
      `node ${input.node} is not ready and gets no traffic: ${error.message}\n${logs.join("\n")}`,
    );
  }
}

/** The docker provider has no such argument. */
async function limitPids({ endpoint, container, pids, guard }: ReadyInput): Promise<void> {
  const { docker } = dockerEngine(endpoint);
  for (const limited of [{ container, pids }, ...(guard ? [guard] : [])]) {
    await docker(["update", "--pids-limit", `${limited.pids}`, limited.container]);
  }
}

/** The version of a node's Ollama, once it has its models and the first of them gives a token. */
async function ollamaVersion(input: ReadyInput, deadline: number): Promise<string> {
  const { body } = await okAnswer(input, deadline, { path: "/api/version" });
  await requireModels(input, deadline);
  const [first] = input.models;
  if (input.warmUp && first) {
    const model = canonicalModel(first);
    await warmUp(input, deadline, model);
    if (input.minimumGpuPercent !== undefined) {
      await requireGpu(input, deadline, model, input.minimumGpuPercent);
    }
  }
  return (JSON.parse(body) as { version: string }).version;
}

async function requireModels(input: ReadyInput, deadline: number): Promise<void> {
  const { body } = await okAnswer(input, deadline, { path: "/api/tags" });
  const { models } = JSON.parse(body) as { models: { name: string }[] };
  const present = new Set(models.map(({ name }) => name));
  const missing = input.models.filter((model) => !present.has(canonicalModel(model)));
  if (missing.length > 0) {
    throw new StepError(
      `it does not have ${missing.join(", ")}, although its volume had; see which volume it mounts (docker inspect ${input.container}), pulumi up --refresh makes it as declared`,
    );
  }
}

async function logOf(endpoint: string, container: string): Promise<string> {
  const log = await lastLog(endpoint, container).catch(() => "  (no log)");
  return `  last lines of container ${container}:\n${log}`;
}
