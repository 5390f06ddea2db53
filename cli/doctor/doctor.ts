import pMap from "p-map";
import { isSameBalancer, type BalancerRef } from "../../plan/balancer-ref.ts";
import { HOSTS_AT_ONCE } from "../../steps/limits.ts";
import { StepError } from "../../steps/step-error.ts";
import { balancerTitle } from "../balancer-title.ts";
import { FAILED, refuseWords, textOption, type Command } from "../command.ts";
import { NO_MESH, offlineEngines, stackSteps, type StackSteps } from "../stack-steps.ts";
import { examineBalancer } from "./examine-balancer.ts";
import { examineHost, hostLines } from "./examine-host.ts";
import { examineNode, versionFindings, type NodeExamination } from "./examine-node.ts";
import { examineServer } from "./examine-server.ts";
import { orFinding, type Finding } from "./finding.ts";

const HELP = `Usage: ollama-mesh doctor [--stack STACK] [--json]

Looks once at all of a mesh, and changes nothing: hosts (reached, Docker, clock, disk, GPUs, ports), the balancer
(runs, serves with what was declared, ends of certificates, what stands beside it), nodes (run, in traffic, answer,
models, versions, GPU use), servers that it balances and does not run (answer).
Every finding comes with its way out. Run it in the folder of the Pulumi program whose stack has the mesh.

  --stack STACK  default the selected stack
  --json         prints what was seen and found as JSON

  ollama-mesh doctor
  ollama-mesh doctor --stack production --json
  */15 * * * *  cd /srv/mesh && ollama-mesh doctor >/tmp/doctor || mail -s "mesh" ops@example.org </tmp/doctor

Cron has none of your shell's variables: the crontab must set PATH (with ollama-mesh, pulumi, node and docker), and
PULUMI_CONFIG_PASSPHRASE_FILE where the state needs one.

Exit code 0 when all is well, 1 with findings, or when the stack cannot be read.
`;

/** One look at a mesh that runs, or does not. */
export const doctor: Command = {
  summary: "looks at a mesh, and says what is wrong with it",
  help: HELP,
  options: { stack: { type: "string" }, json: { type: "boolean" } },
  async run(given) {
    refuseWords("doctor", given, HELP);
    const steps = await stackSteps(textOption(given, "stack"));
    if (steps.of("preflight").length === 0) {
      throw new StepError(NO_MESH);
    }
    const { seen, findings } = await examine(steps);
    process.stdout.write(
      given.values["json"]
        ? `${JSON.stringify({ seen, findings }, null, 2)}\n`
        : `${[...seen, "", ...findingLines(findings)].join("\n")}\n`,
    );
    return findings.length === 0 ? 0 : FAILED;
  },
};

async function examine(steps: StackSteps): Promise<{ seen: string[]; findings: Finding[] }> {
  const hostsNow = new Map(
    steps.of("hosts").flatMap(({ hosts }) => hosts.map((host) => [host.endpoint, host] as const)),
  );
  // The step of all hosts is the newer one: that of a host that was switched off is left alone.
  const needs = steps.of("preflight").map((host) => ({ ...host, ...hostsNow.get(host.endpoint) }));
  const offline = steps.of("admit").flatMap((each) => (each.offline ? [each.node] : []));
  const unasked = offlineEngines(steps);
  const atOnce = { concurrency: HOSTS_AT_ONCE };

  const hosts = await pMap(
    needs.filter(({ endpoint }) => !unasked.has(endpoint)),
    examineHost,
    atOnce,
  );
  const unreached = hosts.flatMap(({ inspection }) =>
    inspection.reached ? [] : [inspection.endpoint],
  );
  // Said once of the host is enough.
  const isReached = ({ endpoint }: { endpoint: string }) =>
    !unreached.includes(endpoint) && !unasked.has(endpoint);

  const all = steps.of("serving").map(({ balancer }) => balancer);
  const asked = all.filter(isReached);
  const balancers = await pMap(
    asked,
    (balancer) => {
      const title = balancerTitle(balancer, all);
      return orFinding(`balancer ${title}`, () => examineBalancer(balancer, offline, title));
    },
    atOnce,
  );
  // What does not run asks no node, and the nodes are not to blame for it.
  const canAsk = ({ balancer }: { balancer: BalancerRef }) =>
    asked.some((one, at) => isSameBalancer(one, balancer) && balancers[at]!.seen !== undefined);
  const nodes = await pMap(
    steps
      .of("ready")
      .filter(isReached)
      // By one of two balancers is enough.
      .toSorted((a, b) => Number(canAsk(b)) - Number(canAsk(a)))
      .filter(({ node, container }, at, ready) => {
        const first = ready.findIndex((one) => one.node === node && one.container === container);
        return first === at;
      })
      .toSorted((a, b) => (a.node < b.node ? -1 : 1)),
    async (input): Promise<NodeExamination> => ({
      node: input.node,
      ...(await orFinding(`node ${input.node}`, () => examineNode(input, canAsk(input)))),
    }),
    atOnce,
  );
  const managed = new Set(steps.of("ready").map(nameInMesh));
  const servers = await pMap(
    steps
      .of("admit")
      .filter((each) => !each.offline && !managed.has(nameInMesh(each)) && canAsk(each))
      .filter((each, at, own) => {
        const first = own.findIndex((one) => nameInMesh(one) === nameInMesh(each));
        return first === at;
      })
      .toSorted((a, b) => (a.node < b.node ? -1 : 1)),
    (input) => orFinding(`node ${input.node}`, () => examineServer(input)),
    atOnce,
  );
  const parts = [...hosts, ...balancers, ...nodes, ...servers];
  return {
    seen: [
      ...hostLines(hosts.map(({ inspection }) => inspection)),
      ...parts.flatMap(({ seen }) => seen ?? []),
    ],
    findings: [...parts.flatMap(({ findings }) => findings), ...versionFindings(nodes)],
  };
}

/** Two meshes of a stack may have nodes of one name. */
const nameInMesh = ({ node, balancer }: { node: string; balancer: BalancerRef }): string =>
  `${balancer.container} ${node}`;

function findingLines(findings: readonly Finding[]): string[] {
  if (findings.length === 0) return ["All is well."];
  const count = findings.length === 1 ? "1 finding" : `${findings.length} findings`;
  return [count, ...findings.map(({ of, text }) => `  ${of}  ${text}`)];
}
