import { askNode, type Answer } from "../../steps/balancer/ask.ts";
import { containerState, type ContainerState } from "../../steps/engine/containers.ts";
import { DockerError } from "../../steps/engine/docker-engine.ts";
import { HOST_ANSWER_SECONDS } from "../../steps/limits.ts";
import { missingModels } from "../../steps/models/models.ts";
import { goneProblem } from "../../steps/nodes/gone.ts";
import { gpuProblem, type LoadedModel } from "../../steps/nodes/gpu-share.ts";
import { containersOf } from "../../steps/nodes/node-answer.ts";
import type { ReadyInput } from "../../steps/nodes/ready.ts";
import type { Examination, Finding } from "./finding.ts";

/** A node that the mesh runs. */
export interface NodeExamination extends Examination {
  node: string;
  /** Of its Ollama; absent where it is none, or did not say. */
  version?: string;
}

/**
 * Looks at a node that the mesh runs: its containers, and what it answers the balancer.
 *
 * @param canAsk whether the balancer can ask it; default true
 * @throws StepError when its engine, or the balancer's, does not answer
 */
export async function examineNode(input: ReadyInput, canAsk = true): Promise<NodeExamination> {
  const { node, healthPath, maintenance } = input;
  const findings: Finding[] = [];
  const of = `node ${node}`;
  for (const container of containersOf(input)) {
    const state = await containerState(input.endpoint, container);
    if (!state) findings.push({ of, text: goneProblem(`container ${container}`) });
    else if (state.status !== "running") {
      findings.push({ of, text: notRunning(input, container, state) });
    }
  }
  if (findings.length > 0) return { node, findings };
  if (maintenance) return { node, seen: `${of}: in maintenance, not asked`, findings };
  if (!canAsk) {
    const seen = `${of}: runs; not asked, since that is done from the balancer's container`;
    return { node, seen, findings };
  }
  if (healthPath !== undefined) {
    const { status, body } = await ask(input, healthPath);
    if (status === 200) return { node, seen: `${of}: answers ${healthPath}`, findings };
    return { node, findings: [notAnswering(of, healthPath, `status ${status} ${body}`, node)] };
  }
  return examineOllama(input, of);
}

/** A guard is none that `restart` starts, and what ends again and again is helped by no restart. */
function notRunning(
  { node, endpoint, container: own }: ReadyInput,
  container: string,
  { status, exitCode, restarts }: ContainerState,
): string {
  const logs = `docker logs ${container} on ${endpoint} says why`;
  if (status === "paused")
    return `container ${container} is paused; docker unpause ${container} on ${endpoint}`;
  if (status === "restarting")
    return `container ${container} has ended ${restarts} times and is started again by Docker (exit code ${exitCode}); ${logs}`;
  const start = container === own ? `ollama-mesh restart ${node}` : `docker start ${container}`;
  return `container ${container} is ${status} (exit code ${exitCode}); ${logs}, ${start} starts it`;
}

/** What it is asked: a GPU that hangs lets a node tell its version, and no more. */
const QUESTIONS = ["/api/version", "/api/tags", "/api/ps"] as const;

async function examineOllama(input: ReadyInput, of: string): Promise<NodeExamination> {
  const { node, models, minimumGpuPercent } = input;
  const told: unknown[] = [];
  for (const path of QUESTIONS) {
    const { status, body } = await ask(input, path);
    const json = status === 200 ? parsed(body) : undefined;
    if (json === undefined) {
      const words = `status ${status} ${body}${status === 200 ? ", which is not Ollama's" : ""}`;
      return { node, findings: [notAnswering(of, path, words, node)] };
    }
    told.push(json);
  }
  const [{ version }, tags, loaded] = told as [
    { version: string },
    { models?: { name: string }[] },
    { models?: LoadedModel[] },
  ];
  const there = new Set((tags.models ?? []).map(({ name }) => name));
  const findings = missingModels(models, there).map((model) => ({
    of,
    text: `it does not have the model ${model}; docker exec ${input.container} ollama pull ${model} on ${input.endpoint} puts it there`,
  }));
  if (minimumGpuPercent !== undefined) {
    for (const each of loaded.models ?? []) {
      const text = gpuProblem(each, each.name, minimumGpuPercent);
      if (text !== undefined) findings.push({ of, text });
    }
  }
  const names = (loaded.models ?? []).map(({ name }) => name).join(", ") || "none";
  return { node, version, seen: `${of}: Ollama ${version}; loaded: ${names}`, findings };
}

/** The object that an answer is; undefined for what is none. */
function parsed(body: string): object | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

/** A node that does not answer says so by its status, or not at all. */
async function ask(input: ReadyInput, path: string): Promise<Answer> {
  try {
    return await askNode(input.balancer, input, { path, seconds: HOST_ANSWER_SECONDS });
  } catch (error) {
    if (!(error instanceof DockerError)) throw error;
    return { status: 0, body: error.lastWords };
  }
}

const notAnswering = (of: string, path: string, words: string, node: string): Finding => ({
  of,
  text: `it does not answer GET ${path} (${words
    .replace(/^status 0 /, "")
    .trim()
    .slice(0, 200)}); ollama-mesh restart ${node} restarts it`,
});

/** Nodes whose Ollama is of another version than most of them: clients then see two. */
export function versionFindings(nodes: readonly NodeExamination[]): Finding[] {
  const versions = Map.groupBy(
    nodes.filter(({ version }) => version !== undefined),
    ({ version }) => version!,
  );
  if (versions.size < 2) return [];
  const list = [...versions].map(([version, own]) => {
    return `${version} on ${own.map(({ node }) => node).join(", ")}`;
  });
  const text = `nodes run several versions of Ollama: ${list.sort().join("; ")}; declare one image for all, and run pulumi up`;
  return [{ of: "nodes", text }];
}
