import { OLLAMA_PORT } from "../../config/defaults.ts";
import { BALANCER_NAME } from "../../config/names.ts";
import { engineHost } from "../../config/net/engine-endpoint.ts";
import type { FoundGpu } from "../../steps/discovery/look-around.ts";
import type { FoundMachine } from "./machine.ts";
import type { FoundAddress } from "./range.ts";
import { onceEach } from "./same-machine.ts";

/** A node as it would stand in a stack file. */
interface ProposedNode {
  name: string;
  host?: string;
  address?: string;
  port?: number;
  managed?: false;
  gpus?: { vendor: FoundGpu["vendor"]; devices?: string[] };
}

/** What a stack file would declare. */
export interface Proposal {
  nodes: { node: ProposedNode; why: string }[];
  models: string[];
  /** Engine of the balancer; absent where no engine was found. */
  balancer?: string;
  /** What is left to a person, a paragraph each. */
  remarks: string[];
}

/** What the machines and addresses that answered could be in one mesh. */
export function propose(
  found: readonly FoundMachine[],
  addresses: readonly FoundAddress[],
): Proposal {
  const { once: machines, twins } = onceEach(found);
  const names = new Set<string>([BALANCER_NAME]);
  const nodes: Proposal["nodes"] = [];
  const balancer = balancerOf(machines);
  const remarks = twins.map(
    ({ machine, first }) => `${machine.endpoint} is the machine of ${first}: left out here.`,
  );
  for (const machine of machines) {
    nodes.push(...nodesOf(machine, names, machine.endpoint === balancer));
    remarks.push(...remarksOn(machine));
  }
  const known = new Set(machines.flatMap(({ open, address }) => (open && address ? address : [])));
  for (const { address, ollama } of addresses.filter((each) => !known.has(each.address))) {
    const node = { name: nameFor(address, names), managed: false as const, address };
    nodes.push({ node, why: `Ollama ${ollama.version} that answers there` });
  }
  const ollamas = [...machines.flatMap(ollamasOf), ...addresses.map(({ ollama }) => ollama)];
  const lists = ollamas.map(({ models }) => models).filter((models) => models.length > 0);
  return {
    nodes,
    models:
      lists.length === 0 ? [] : lists.reduce((all, own) => all.filter((m) => own.includes(m))),
    ...(balancer === undefined ? {} : { balancer }),
    remarks,
  };
}

/** Whether nodes of a new mesh can run on a machine. */
const takesNodes = ({ inspection, meshes }: FoundMachine): boolean =>
  inspection.reached && inspection.problems.length === 0 && meshes.length === 0;

const ollamasOf = ({ open, around }: FoundMachine) => open ?? around?.ollama ?? [];

/**
 * An Ollama that runs stays as it is; else a node for each GPU, or one for a machine without any.
 *
 * @param isBeside whether the balancer is on the machine, whose network nodes there are in: at no address and port of it
 */
function nodesOf(machine: FoundMachine, names: Set<string>, isBeside: boolean): Proposal["nodes"] {
  const { endpoint, address, open, around } = machine;
  const short = shortName(machine);
  if (open && address) {
    const node = { name: nameFor(short, names), managed: false as const, address };
    return [{ node, why: `Ollama ${open.version} that runs there; the mesh leaves it as it is` }];
  }
  if (around?.ollama || !takesNodes(machine)) return [];
  const host = engineHost(endpoint);
  const place =
    host === undefined && endpoint.endsWith("/var/run/docker.sock") ? {} : { host: endpoint };
  // A name that only ssh knows means nothing to nginx.
  const reached = address !== undefined && address !== host && !isBeside ? { address } : {};
  const gpus = around?.gpus ?? [];
  if (gpus.length === 0) {
    const node = { name: nameFor(short, names), ...place, ...reached };
    const vendor = vendorOf(machine.inspection);
    if (!vendor) return [{ node, why: "no GPU seen" }];
    return [{ node: { ...node, gpus: { vendor } }, why: "all its GPUs: nobody said how many" }];
  }
  return gpus.map(({ vendor, index, name, memoryGiB }, i) => ({
    node: {
      name: nameFor(`${short}-gpu${index}`, names),
      ...place,
      ...reached,
      ...(i > 0 && !isBeside ? { port: OLLAMA_PORT + i } : {}),
      gpus: { vendor, devices: [index] },
    },
    why: [name || vendor, memoryGiB && `${memoryGiB} GiB`].filter(Boolean).join(", "),
  }));
}

/** Of GPUs that Docker or the machine's files show, where no program lists them. */
function vendorOf({ gpus = "" }: FoundMachine["inspection"]): FoundGpu["vendor"] | undefined {
  if (gpus.includes("nvidia")) return "nvidia";
  return gpus.includes("amd") ? "amd" : undefined;
}

function remarksOn(machine: FoundMachine): string[] {
  const { endpoint, around, open, meshes, inspection } = machine;
  const remarks: string[] = [];
  if (meshes.length > 0) {
    remarks.push(`${endpoint} has containers of ${meshes.join(", ")} already: left out here.`);
  }
  if (around?.ollama && !open && meshes.length === 0) {
    remarks.push(
      `Ollama ${around.ollama.version} on ${endpoint} listens on its own machine only: left out. Let it listen (OLLAMA_HOST=0.0.0.0) and look again, or let the mesh run it, as below.`,
    );
  }
  if (around?.ollama && around.store && inspection.reached) {
    const folder = around.store.replace(/\/models$/, "");
    remarks.push(
      `To let the mesh run the Ollama of ${endpoint}, with the models it has: stop it (systemctl disable --now ollama), run there
  docker volume create --opt type=none --opt o=bind --opt device=${folder} MESH-models
(MESH is PROJECT-STACK, such as ollama-mesh-office), and declare it by host instead of managed and address.`,
    );
  }
  return remarks;
}

/**
 * The first machine that can run nginx, where nothing has Ollama's port, without GPUs if there is one. Nodes of this
 * machine's own socket are within no other machine's reach.
 */
function balancerOf(machines: readonly FoundMachine[]): string | undefined {
  const fit = machines.filter(takesNodes);
  const score = ({ endpoint, open, around }: FoundMachine) =>
    (engineHost(endpoint) === undefined && !around?.ollama ? -4 : 0) +
    (open || around?.ollama ? 4 : 0) +
    ((around?.gpus.length ?? 0) > 0 ? 2 : 0);
  return fit.toSorted((a, b) => score(a) - score(b))[0]?.endpoint;
}

const shortName = ({ endpoint }: FoundMachine): string => engineHost(endpoint) ?? "local";

/** A node's name: of a host name its first part, of an address all of it. */
function nameFor(text: string, names: Set<string>): string {
  const part = /^[\d.]+(-gpu\d+)?$/.test(text) ? text : text.replace(/\.[^-]*/, "");
  const base = part
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, 36)
    .replace(/^-|-$/g, "");
  let name = base || "node";
  for (let n = 2; names.has(name); n++) name = `${base}-${n}`;
  names.add(name);
  return name;
}
