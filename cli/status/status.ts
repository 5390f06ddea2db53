import { setTimeout as pause } from "node:timers/promises";
import pMap from "p-map";
import type { BalancerRef } from "../../plan/balancer-ref.ts";
import { HOSTS_AT_ONCE } from "../../steps/limits.ts";
import { StepError } from "../../steps/step-error.ts";
import {
  FAILED,
  refuseWords,
  textOption,
  UsageError,
  type Command,
  type Given,
} from "../command.ts";
import { balancerTitle } from "../balancer-title.ts";
import { NO_MESH, offlineEngines, stackSteps } from "../stack-steps.ts";
import { askStatus, askUsage, type AskedBalancer, type AskedUsage } from "./ask-status.ts";
import { fitScreen } from "./fit-screen.ts";
import { statusText } from "./status-text.ts";
import { usageText } from "./usage-text.ts";

/** As long as a balancer keeps them. */
const DAYS_MOST = 400;

/** Milliseconds between two looks: a node's verdict changes once a second at most. */
const WATCH_MS = 2000;

const HELP = `Usage: ollama-mesh status [--watch] [--usage [--days N]] [--json] [--stack STACK]

Says how a mesh is at the moment, what is wrong first: nodes (verdict, requests in flight, speed, models in memory and
their share of GPU memory), models with their nodes, and the requests of the last hour. It asks the balancer in its
container, over ssh where that is how its engine is reached, and no node. Run it in the folder of the Pulumi program
whose stack has the mesh. ollama-mesh doctor looks at hosts and containers too.

  --watch        goes on every 2 seconds, until Ctrl-C
  --json         prints what the balancer said: {"balancer", "host", "status"} for each, one line a look with --watch
  --usage        says instead what API keys have used: requests and tokens by day, key and model, of all balancers
  --days N       with --usage: of the last N days, UTC, 1-400; default 1, today
  --stack STACK  default the selected stack

  ollama-mesh status
  ollama-mesh status --watch --stack production
  ollama-mesh status --json | jq '.[].status.problems'
  ollama-mesh status --usage --days 31

Exit code 0 when all is well, 1 with problems, or when a balancer does not answer. A node that has a long prompt, and
gave no token for 3 s, is a problem too until the first one. With balancer.routing: plain nothing is known of nodes: 0
says that the balancer answers; ollama-mesh doctor asks the nodes.
`;

/** How a mesh is at the moment. */
export const status: Command = {
  summary: "says how a mesh is at the moment, what is wrong first",
  help: HELP,
  options: {
    stack: { type: "string" },
    json: { type: "boolean" },
    watch: { type: "boolean" },
    usage: { type: "boolean" },
    days: { type: "string" },
  },
  async run(given) {
    refuseWords("status", given, HELP);
    const { json = false, watch = false, usage = false } = given.values;
    const days = daysOf(given);
    const steps = await stackSteps(textOption(given, "stack"));
    const off = offlineEngines(steps);
    const balancers = steps
      .of("serving")
      .map(({ balancer }) => balancer)
      .filter(({ endpoint }) => !off.has(endpoint));
    if (balancers.length === 0) {
      throw new StepError(NO_MESH);
    }
    if (usage) return showUsage(balancers, days, json === true);
    const look = () => pMap(balancers, askStatus, { concurrency: HOSTS_AT_ONCE });
    if (!watch) {
      const seen = await look();
      process.stdout.write(json ? `${JSON.stringify(seen, undefined, 2)}\n` : textOf(seen));
      return isWell(seen) ? 0 : FAILED;
    }
    for (;;) {
      const seen = await look();
      process.stdout.write(json ? `${JSON.stringify(seen)}\n` : onScreen(textOf(seen)));
      await pause(WATCH_MS);
    }
  },
};

/** Days that --usage is to show. */
function daysOf(given: Given): number {
  const { usage = false, watch = false } = given.values;
  const text = textOption(given, "days");
  const days = Number(text ?? 1);
  const isNumber = Number.isInteger(days) && days >= 1 && days <= DAYS_MOST;
  if (!isNumber || (text !== undefined && !usage)) {
    throw new UsageError(`--days goes with --usage, and is a whole number, 1-${DAYS_MOST}`);
  }
  if (usage && watch) throw new UsageError("--usage and --watch do not go together; leave one out");
  return days;
}

async function showUsage(
  balancers: readonly BalancerRef[],
  days: number,
  json: boolean,
): Promise<number> {
  const asked = await pMap(balancers, (one) => askUsage(one, days), { concurrency: HOSTS_AT_ONCE });
  const text = json ? JSON.stringify(asked, undefined, 2) : usageOf(asked);
  process.stdout.write(`${text}\n`);
  return asked.every(({ usage }) => usage) ? 0 : FAILED;
}

const textOf = (seen: readonly AskedBalancer[]): string =>
  `${titled(seen)
    .map((each) => statusText(each).join("\n"))
    .join("\n\n")}\n`;

/** Keys of two meshes in one stack have nothing to do with each other. */
function usageOf(asked: readonly AskedUsage[]): string {
  const meshes = Map.groupBy(asked, ({ balancer }) => balancer);
  return [...meshes]
    .map(([mesh, own]) => [...(meshes.size > 1 ? [`${mesh}:`] : []), ...usageText(titled(own))])
    .map((lines) => lines.join("\n"))
    .join("\n\n");
}

/** With what a person tells them apart by. */
const titled = <Asked extends { balancer: string; host: string }>(all: readonly Asked[]): Asked[] =>
  all.map((each) => ({ ...each, balancer: balancerTitle(refOf(each), all.map(refOf)) }));

const refOf = ({ balancer: container, host: endpoint }: { balancer: string; host: string }) => ({
  container,
  endpoint,
});

/** In place of what a terminal showed before; one after the other elsewhere. */
function onScreen(text: string): string {
  const { isTTY, rows, columns } = process.stdout;
  if (!isTTY) return `${text}\n`;
  // A terminal may not know its size.
  const shown = rows > 0 && columns > 0 ? fitScreen(text, rows, columns) : text;
  return `\u001b[H\u001b[J${shown}`;
}

const isWell = (seen: readonly AskedBalancer[]): boolean =>
  seen.every(
    ({ status: told }) => told && (told.routing === "plain" || told.problems.length === 0),
  );
