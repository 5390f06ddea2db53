import { readFileSync } from "node:fs";
import { hostPort } from "../../config/net/host-port.ts";
import type { BalancerRef } from "../../plan/balancer-ref.ts";
import { dockerEngine } from "../engine/docker-engine.ts";
import { sshHostName } from "../engine/ssh.ts";
import { REACH_SECONDS } from "../limits.ts";
import { previousOutput } from "../previous-output.ts";
import { StepError } from "../step-error.ts";

/** Which nodes the balancer must be able to reach. */
export interface ReachInput {
  balancer: BalancerRef;
  /** nginx's; it has curl. */
  image: string;
  nodes: NodeAddress[];
}

/** Where a node listens. */
interface NodeAddress {
  node: string;
  address: string;
  port: number;
}

/**
 * Finds out, before any container of a node is touched, whether their hosts can be reached from the
 * balancer's network, where names and routes may be others than here. That nothing listens yet is fine.
 *
 * @throws StepError with every node that cannot be reached
 */
export async function reach(input: ReachInput): Promise<{ reached: string[] }> {
  const { endpoint } = input.balancer;
  const all = input.nodes.map(placeOf);
  // What was reached once is not asked again: its host may be off while others are changed.
  const before = new Set(previousOutput<{ reached: string[] }>()?.reached);
  const nodes = input.nodes.filter((node) => !before.has(placeOf(node)));
  if (nodes.length === 0) return { reached: all };
  const printed = await dockerEngine(endpoint).docker(reachArgs(input, nodes.map(placeOf)));
  const attempts = parseAttempts(printed);
  const explained = nodes.map(async ({ node, address }, number) => {
    const problem = await explain(attempts.get(number), address);
    return problem ? [`node ${node}: from the balancer's engine, ${endpoint}, ${problem}`] : [];
  });
  const problems = (await Promise.all(explained)).flat();
  if (problems.length > 0) throw new StepError(problems.join("\n"));
  return { reached: all };
}

const placeOf = ({ address, port }: NodeAddress): string => hostPort(address, port);

const REACH = readFileSync(new URL("reach.sh", import.meta.url), "utf8");

/** By which hosts and ports are tried from the balancer's network. */
export const reachArgs = (
  { balancer, image }: Pick<ReachInput, "balancer" | "image">,
  places: readonly string[],
): string[] => [
  ...["run", "--rm", "--network", balancer.network, "--entrypoint", "sh", image],
  ...["-c", REACH, "sh", `${REACH_SECONDS}`, ...places],
];

/** How curl fared. */
interface Attempt {
  /** Its exit code. */
  code: number;
  /** The reason in its words, if it is one of the way. */
  said: string;
}

/** Reads what reach.sh printed: attempts by their number. */
export function parseAttempts(printed: string): Map<number, Attempt> {
  return new Map(
    printed.split("\n").flatMap((line): [number, Attempt][] => {
      const [, number, code, said = ""] = /^(\d+) (\d+) ?(.*)$/.exec(line) ?? [];
      return number === undefined ? [] : [[Number(number), { code: Number(code), said }]];
    }),
  );
}

/** curl: "Couldn't resolve host". */
const UNKNOWN_NAME = 6;
/** curl: "Failed to connect to host". */
const NOT_CONNECTED = 7;
/** curl: "Operation timeout". */
const TIMED_OUT = 28;

/** What an attempt says of the way to a host; undefined when there is one. */
async function explain(attempt: Attempt | undefined, address: string): Promise<string | undefined> {
  if (!attempt) return undefined;
  const { code, said } = attempt;
  if (code === UNKNOWN_NAME) {
    const known = await sshHostName(`ssh://${address}`);
    const hint = known === address ? "" : ` (your ssh config has ${known})`;
    return `the name ${address} cannot be resolved; declare the IP address as the node's \`address\`${hint}, or add the name to DNS (names of ~/.ssh/config and /etc/hosts do not hold in containers)`;
  }
  if (code === TIMED_OUT || (code === NOT_CONNECTED && /No route|unreachable/i.test(said))) {
    return `${address} cannot be reached (${said || "no answer"}); correct the node's \`address\`, or open the firewall between the two for the node's port`;
  }
  return undefined;
}
