import { hostPort } from "../../config/net/host-port.ts";
import type { BalancerRef } from "../../plan/balancer-ref.ts";
import { dockerEngine } from "../engine/docker-engine.ts";
import { previousOutput } from "../previous-output.ts";
import { sshHostName } from "../engine/ssh.ts";
import { StepError } from "../step-error.ts";

const ANSWER_SECONDS = 5;

/** Which nodes the balancer must be able to reach. */
export interface ReachInput {
  balancer: BalancerRef;
  /** nginx's; it has curl. */
  image: string;
  nodes: { node: string; address: string; port: number }[];
}

/**
 * Finds out, before any container of a node is touched, whether their hosts can be reached from the
 * balancer's network, where names and routes may be others than here. That nothing listens yet is fine.
 */
export async function reach(input: ReachInput): Promise<{ reached: string[] }> {
  const { docker } = dockerEngine(input.balancer.endpoint);
  const all = input.nodes.map(({ address, port }) => hostPort(address, port));
  // What was reached once is not asked again: its host may be off while others are changed.
  const before = new Set(previousOutput<{ reached: string[] }>()?.reached);
  const nodes = input.nodes.filter((_, i) => !before.has(all[i]!));
  if (nodes.length === 0) return { reached: all };
  const targets = nodes.map(({ address, port }) => hostPort(address, port));
  // All at once; only -v tells "no route" from "refused", which is fine. Each line of the answer begins with the number of its node.
  const ask = `i=0; for at in "$@"; do ( said=$(curl -sv -o /dev/null --noproxy '*' -m ${ANSWER_SECONDS} "http://$at/" 2>&1); code=$?; echo "$i $code $(echo "$said" | grep -oiE 'no route to host|network is unreachable|timed out' | tail -n 1)" ) & i=$((i + 1)); done; wait`;
  const run = ["run", "--rm", "--network", input.balancer.network, "--entrypoint", "sh"];
  const lines = (await docker([...run, input.image, "-c", ask, "sh", ...targets])).split("\n");
  const explained = nodes.map(async ({ node, address }, i) => {
    const [, code, said = ""] =
      lines
        .map((line) => /^(\d+) (\d+) ?(.*)$/.exec(line)?.slice(1) ?? [])
        .find(([number]) => Number(number) === i) ?? [];
    const problem = await explain(Number(code), said, address);
    return problem
      ? [`node ${node}: from the balancer's engine, ${input.balancer.endpoint}, ${problem}`]
      : [];
  });
  const problems = (await Promise.all(explained)).flat();
  if (problems.length > 0) throw new StepError(problems.join("\n"));
  return { reached: all };
}

/** What an exit code of curl says of the way to a host; undefined when there is one. */
async function explain(code: number, said: string, address: string): Promise<string | undefined> {
  if (code === 6) {
    const known = await sshHostName(`ssh://${address}`);
    const hint = known === address ? "" : ` (your ssh config has ${known})`;
    return `the name ${address} cannot be resolved; declare the IP address as the node's \`address\`${hint}, or add the name to DNS (names of ~/.ssh/config and /etc/hosts do not hold in containers)`;
  }
  if (code === 28 || (code === 7 && /No route|unreachable/i.test(said))) {
    return `${address} cannot be reached (${said || "no answer"}); correct the node's \`address\`, or open the firewall between the two for the node's port`;
  }
  return undefined;
}
