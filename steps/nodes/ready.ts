import { judgesFile } from "../../config/names.ts";
import type { ProbeArgs } from "../../config/node-args.ts";
import { dockerEngine, DockerError } from "../engine/docker-engine.ts";
import { lastLog } from "../engine/containers.ts";
import { canonicalModel } from "../models/model-store.ts";
import { missingModels } from "../models/models.ts";
import { progress, StepError } from "../step-error.ts";
import { DeadlineError } from "../until.ts";
import {
  containersOf,
  nameOf,
  okAnswer,
  onceRunning,
  wordsOf,
  type AnsweringNode,
} from "./node-answer.ts";
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
  /** What a server that is not Ollama must answer. */
  healthPath?: string;
  /** The request that proves more than that; absent where none is declared. */
  probe?: ProbeArgs;
  /** Where it asks what is held of it, so that it restarts by itself; absent where nobody tells. */
  judge?: Judge;
  /** The same with two balancers. */
  judges?: Judge[];
  /** Percent of the first model that must lie in GPU memory; none for a node without GPUs. */
  minimumGpuPercent?: number;
}

/** A balancer as a node reaches it. */
interface Judge {
  address: string;
  port: number;
}

/**
 * Waits until a node answers as a client would need it: version, models, and one real token; a service its health check.
 *
 * @throws StepError with the last lines of its containers when it does not
 */
export async function ready(input: ReadyInput): Promise<{ ready: string }> {
  if (input.maintenance) {
    // It may be there because its container does not stay up: the limit comes with the end of maintenance.
    for (const limit of pidsLimits(input)) await limit().catch(unlessByDocker);
    return { ready: `${input.node} is in maintenance` };
  }
  const fromNowOn = () => Date.now() + input.timeoutSeconds * 1000;
  try {
    const { node, healthPath } = input;
    for (const limit of pidsLimits(input)) await onceRunning(input, fromNowOn(), limit);
    const deadline = fromNowOn();
    if (healthPath === undefined) {
      return { ready: `${node} runs Ollama ${await ollamaVersion(input, deadline)}` };
    }
    await okAnswer(input, deadline, { path: healthPath });
    if (input.probe) await requireProof(input, deadline, input.probe);
    return { ready: `${node} answers ${healthPath}` };
  } catch (error) {
    if (!(error instanceof DeadlineError || error instanceof StepError)) throw error;
    const logs = await Promise.all(containersOf(input).map((name) => logOf(input.endpoint, name)));
    throw new StepError(
      `node ${input.node} is not ready and gets no traffic: ${error.message}\n${logs.join("\n")}`,
    );
  }
}

/** Limits the processes of each of its containers: the docker provider has no such argument. */
function pidsLimits({ endpoint, container, pids, guard }: ReadyInput): (() => Promise<unknown>)[] {
  const { docker } = dockerEngine(endpoint);
  return [{ container, pids }, ...(guard ? [guard] : [])].map(
    (limited) => () => docker(["update", "--pids-limit", `${limited.pids}`, limited.container]),
  );
}

function unlessByDocker(error: unknown): void {
  if (!(error instanceof DockerError)) throw error;
}

/** The version of a node's Ollama, once it has its models and the first of them gives a token. */
async function ollamaVersion(input: ReadyInput, deadline: number): Promise<string> {
  const { body } = await okAnswer(input, deadline, { path: "/api/version" });
  await tellJudges(input);
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

/** On the volume, so that it is there after a restart, and can change without another container. */
async function tellJudges({ endpoint, container, node, judge, judges }: ReadyInput): Promise<void> {
  const all = judges ?? (judge ? [judge] : []);
  const file = judgesFile(node);
  const script =
    all.length > 0
      ? `mkdir -p "$(dirname "$0")" && printf '%s %s\\n' "$@" >"$0"`
      : `if [ -e "$0" ]; then rm "$0"; fi`;
  const words = all.map(({ address, port }) => [address, `${port}`]);
  const { docker } = dockerEngine(endpoint);
  await docker(["exec", container, "sh", "-c", script, file, ...words.flat()]);
  for (const place of words) {
    if (await reaches(docker, container, place)) continue;
    progress(
      `node ${node}: cannot connect to the balancer at ${place.join(":")}, so it will not restart by itself when it hangs; declare balancer.address as an address that its host reaches`,
    );
  }
}

/** As the health check does it. */
async function reaches(
  docker: ReturnType<typeof dockerEngine>["docker"],
  container: string,
  words: string[],
): Promise<boolean> {
  const connect = ["timeout", "3", "bash", "-c", 'exec 3<>"/dev/tcp/$0/$1"'];
  try {
    await docker(["exec", container, ...connect, ...words]);
    return true;
  } catch (error) {
    if (error instanceof DockerError) return false;
    throw error;
  }
}

/** A service may say that it is well before it can do anything. */
async function requireProof(
  input: ReadyInput,
  deadline: number,
  { path, body, expect }: ProbeArgs,
): Promise<void> {
  const question = body === undefined ? { path } : { path, body };
  const answer = await okAnswer(input, deadline, question);
  if (expect === undefined || answer.body.includes(expect)) return;
  throw new StepError(
    `${nameOf(input, question)}: answered without ${JSON.stringify(expect)} (service.probe.expect), but ${wordsOf(answer)}; correct that, or the service`,
  );
}

async function requireModels(input: ReadyInput, deadline: number): Promise<void> {
  const { body } = await okAnswer(input, deadline, { path: "/api/tags" });
  const { models } = JSON.parse(body) as { models: { name: string }[] };
  const missing = missingModels(input.models, new Set(models.map(({ name }) => name)));
  if (missing.length > 0) {
    throw new StepError(
      `it does not have ${missing.join(", ")}, although its volume had. Removed by hand, it comes back by docker exec ${input.container} ollama pull ${missing[0]} on ${input.endpoint}; else see which volume it mounts (docker inspect ${input.container}), pulumi up --refresh makes it as declared`,
    );
  }
}

async function logOf(endpoint: string, container: string): Promise<string> {
  const log = await lastLog(endpoint, container).catch(() => "  (no log)");
  return `  last lines of container ${container}:\n${log}`;
}
