// A mesh under Pulumi's mocks, and what its resources are compared with.
import { OllamaMesh, type OllamaMeshArgs } from "../../components/index.ts";
import { one, record, type Registered } from "./mocks.ts";

export const COMMAND = "command:local:Command";
export const CONTAINER = "docker:index/container:Container";
export const VOLUME = "docker:index/volume:Volume";
export const NETWORK = "docker:index/network:Network";
export const PROVIDER = "pulumi:providers:docker";
export const MESH = "ollama-mesh:index:OllamaMesh";
export const HOST = "ollama-mesh:index:GpuHost";
export const NODE = "ollama-mesh:index:OllamaNode";
export const BALANCER = "ollama-mesh:index:LoadBalancer";
export const LOCAL = "unix:///var/run/docker.sock";

/** A mesh on one engine, built under the name of lab. */
export const THREE_NODES: OllamaMeshArgs = {
  nodes: [{ name: "one" }, { name: "two", weight: 2 }, { name: "three", backup: true }],
  models: ["llama3.2:3b"],
};

export const build = (args: OllamaMeshArgs, name = "lab") =>
  record(() => new OllamaMesh(name, args));

/** One line per resource: "Command lab-one-turn". */
export const named = (resources: readonly Registered[]) =>
  resources.map(({ type, name }) => `${short(type)} ${name}`).toSorted();

/** What the provider is told besides the endpoint, so that no variable of the environment is heard. */
export const UNDIVERTED = {
  context: "",
  certPath: "",
  caMaterial: "",
  certMaterial: "",
  keyMaterial: "",
};

export const short = (type: string) => type.split(/[:/]/).at(-1)!;

/** What a resource waits for: "Command lab-one-turn". */
export const waits = (resources: readonly Registered[], type: string, name: string) =>
  one(resources, type, name)
    .dependsOn.map((each) => short(each.split(" ")[0]!) + each.slice(each.indexOf(" ")))
    .toSorted();

const text = (step: string) => `import("ollama-mesh/steps").then((steps) => steps.run("${step}"))`;

/** A Command as `step` makes it, stdin apart. */
export const command = (
  create: string,
  rest: { update?: string; delete?: string; triggers?: unknown[] } = {},
) => ({
  interpreter: ["node", "-e"],
  create: text(create),
  update: text(rest.update ?? create),
  ...(rest.delete ? { delete: text(rest.delete) } : {}),
  ...(rest.triggers ? { triggers: rest.triggers } : {}),
  logging: "stderr",
  addPreviousOutputInEnv: false,
});

export const withoutStdin = ({ inputs }: Registered) => {
  const { stdin: _, ...rest } = inputs;
  return rest;
};

export const place = {
  endpoint: LOCAL,
  container: "lab-balancer",
  volume: "lab-config",
  network: "lab-network",
};
export const meshLabel = { label: "ollama-mesh", value: "lab" };
