import type { Problem } from "../problems.ts";
import type { NodeConfig } from "../mesh-config.ts";

/** Variables that choose GPUs: a container has those that `gpus` says. */
const OF_GPUS = ["NVIDIA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "GGML_VK_VISIBLE_DEVICES"].map(
  (name): [string, string] => [
    name,
    "follows from gpus; declare gpus.vendor and gpus.devices instead",
  ],
);

/** What the mesh sets, or relies on, in a container of Ollama, and what to set instead. */
const OF_OLLAMA: ReadonlyMap<string, string> = new Map([
  ["OLLAMA_HOST", "is where the balancer finds Ollama; for another port of the host set port"],
  ["OLLAMA_MODELS", "is where the models' volume is; for another disk declare nodes[].modelsPath"],
  ["OLLAMA_NOPRUNE", "keeps what a cut download has brought, which the mesh relies on"],
  ["HOME", "is where the models' volume is; leave it out"],
  ...OF_GPUS,
]);

/** Ollama would look for GPUs that the container has not, and run on the CPU without a word. */
const WITHOUT_GPUS: ReadonlyMap<string, string> = new Map([
  ["OLLAMA_VULKAN", "gives the container no GPU; declare gpus.vendor vulkan instead"],
]);

/** A server that is not Ollama has an own idea of the rest. */
const OF_SERVICES: ReadonlyMap<string, string> = new Map(OF_GPUS);

/** Variables of one node that contradict what the mesh does; values are not shown. */
export const nodeEnvironmentProblems = ({ ollama, service, gpus }: NodeConfig): Problem[] => [
  ...contradictions("ollama.environment", ollama?.environment, OF_OLLAMA),
  ...((gpus?.vendor ?? "none") === "none"
    ? contradictions("ollama.environment", ollama?.environment, WITHOUT_GPUS)
    : []),
  ...contradictions("service.environment", service?.environment, OF_SERVICES),
];

/** The same of the variables of all Ollama nodes. */
export const meshEnvironmentProblems = ({ ollama }: Pick<NodeConfig, "ollama">): Problem[] =>
  contradictions("ollama.environment", ollama?.environment, OF_OLLAMA);

const contradictions = (
  path: string,
  environment: Readonly<Record<string, string>> = {},
  known: ReadonlyMap<string, string>,
): Problem[] =>
  Object.keys(environment).flatMap((name) => {
    const text = known.get(name);
    return text === undefined
      ? []
      : [{ path: `${path}.${name}`, text: `must not be set: it ${text}` }];
  });
