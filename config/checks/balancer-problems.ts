import { isIP } from "node:net";
import { posix } from "node:path";
import type { BalancerArgs } from "../balancer-args.ts";
import { BALANCER, OLLAMA, RETRY } from "../defaults.ts";
import type { Known } from "../mesh-config.ts";
import type { OllamaSettings } from "../node-args.ts";
import { canonicalIp } from "../net/ip-address.ts";
import { byPool } from "../pools/pool-groups.ts";
import { type Problem, show } from "../problems.ts";
import { balancerHostsProblems } from "./balancer-hosts-problems.ts";
import { clientProblems } from "./client-problems.ts";
import { routeProblems } from "./route-problems.ts";
import { routingProblems } from "./routing-problems.ts";
import type { IndexedNode, WellFormed } from "./well-formed.ts";

/** Algorithms that know no backup nodes; nginx refuses the config. */
const WITHOUT_BACKUP = new Set(["ip_hash", "hash", "random", "random_two_least_conn"]);

/** What the balancer's settings allow one by one but together can't work, or would hurt. */
export function balancerProblems({ balancer, nodes, ollama }: WellFormed): Problem[] {
  return [
    ...algorithmProblems(balancer, nodes),
    ...routingProblems(balancer, nodes),
    ...retryProblems(balancer, nodes),
    ...loadProblems(balancer, nodes, ollama),
    ...frontProblems(balancer),
    ...clientProblems(balancer),
    ...balancerHostsProblems(balancer, nodes),
    ...listenProblems(balancer),
    ...duplicateProblems(balancer),
    ...routeProblems(balancer),
    ...drainProblems(balancer, nodes),
  ];
}

function algorithmProblems(
  { algorithm = BALANCER.algorithm, hashKey }: Known<BalancerArgs>,
  nodes: readonly IndexedNode[],
): Problem[] {
  const problems: Problem[] = [];
  if (WITHOUT_BACKUP.has(algorithm)) {
    for (const { at, node } of nodes) {
      if (!node.backup) continue;
      problems.push({
        path: `nodes[${at}].backup`,
        text: `is not possible with balancer.algorithm ${algorithm}; use least_conn or round_robin`,
      });
    }
  }
  if (algorithm === "hash" && hashKey === undefined) {
    problems.push({
      path: "balancer.hashKey",
      text: "is missing; balancer.algorithm hash goes by it",
    });
  }
  if (algorithm !== "hash" && hashKey !== undefined) {
    problems.push({
      path: "balancer.hashKey",
      text: `has no effect with balancer.algorithm ${algorithm}; leave one of them out`,
    });
  }
  return problems;
}

/** A draining node gets what sticky keeps on it, and nothing else. */
function drainProblems({ sticky }: Known<BalancerArgs>, nodes: readonly IndexedNode[]): Problem[] {
  return nodes.flatMap(({ at, node }) => {
    if (!node.drain) return [];
    const path = `nodes[${at}].drain`;
    if (node.maintenance)
      return [{ path, text: "has no effect with maintenance; leave one of them out" }];
    return sticky
      ? []
      : [
          {
            path,
            text: "needs balancer.sticky; without it the node would get nothing, which is maintenance",
          },
        ];
  });
}

function retryProblems(
  { retry = {}, maxFails, ...rest }: Known<BalancerArgs>,
  nodes: readonly IndexedNode[],
): Problem[] {
  const problems: Problem[] = [];
  const connect = rest.connectTimeoutSeconds ?? BALANCER.connectTimeoutSeconds;
  const budget = retry.timeoutSeconds ?? RETRY.timeoutSeconds[rest.routing ?? BALANCER.routing];
  const pools = [...byPool(nodes, ({ node }) => node).values()].map(({ length }) => length);
  const tries = Math.min(retry.tries ?? RETRY.tries, Math.max(1, ...pools));
  if (connect * (tries - 1) > budget) {
    problems.push({
      path: "balancer.retry.timeoutSeconds",
      text: `must be at least ${connect * (tries - 1)}, or dead nodes leave no time for try ${tries} (connectTimeoutSeconds ${connect}), got ${budget}`,
    });
  }
  if (retry.profile && retry.on) {
    problems.push({
      path: "balancer.retry.on",
      text: "takes the place of retry.profile; leave one of them out",
    });
  }
  const algorithm = rest.algorithm ?? BALANCER.algorithm;
  if (maxFails === 0 && (algorithm === "least_conn" || algorithm === "random_two_least_conn")) {
    problems.push({
      path: "balancer.maxFails",
      text: `must not be 0 with ${algorithm}: a dead node has the fewest requests in flight and would attract all`,
    });
  }
  return problems;
}

/** Time-outs and limits that work against Ollama's own. */
function loadProblems(
  balancer: Known<BalancerArgs>,
  nodes: readonly IndexedNode[],
  mesh: Known<OllamaSettings>,
): Problem[] {
  const problems: Problem[] = [];
  const read = balancer.readTimeoutSeconds ?? BALANCER.readTimeoutSeconds;
  for (const { at, node } of nodes) {
    if (node.managed === false || node.service) continue;
    const { loadTimeout, numParallel = OLLAMA.numParallel } = { ...mesh, ...node.ollama };
    const load = loadTimeout === undefined ? undefined : durationSeconds(loadTimeout);
    const whose = node.ollama?.loadTimeout === undefined ? "" : `nodes[${at}]'s `;
    const text = `must be at least ${whose}ollama.loadTimeout (${loadTimeout}), or a slow load is aborted and begun again, got ${read}`;
    if (load !== undefined && load > read && !problems.some((each) => each.text === text)) {
      problems.push({ path: "balancer.readTimeoutSeconds", text });
    }
    if (node.maxConnections && node.maxConnections < numParallel) {
      problems.push({
        path: `nodes[${at}].maxConnections`,
        text: `must be 0 or at least the ${numParallel} requests that Ollama answers at the same time (numParallel), got ${node.maxConnections}`,
      });
    }
  }
  return problems;
}

function frontProblems({ tls, management, listen = {}, routes }: Known<BalancerArgs>): Problem[] {
  const problems: Problem[] = [];
  const port = listen.port ?? BALANCER.listen.port;
  if (tls) {
    const inline = tls.certificate !== undefined && tls.key !== undefined;
    const files = tls.certificateFile !== undefined && tls.keyFile !== undefined;
    const mixed = [tls.certificate ?? tls.key, tls.certificateFile ?? tls.keyFile].every(Boolean);
    if (inline === files || mixed) {
      problems.push({
        path: "balancer.tls",
        text: "must have either certificate and key, or certificateFile and keyFile",
      });
    }
    const folders = [tls.certificateFile, tls.keyFile].map((file) => file && posix.dirname(file));
    if (files && folders[0] !== folders[1]) {
      problems.push({
        path: "balancer.tls.keyFile",
        text: "must be in the folder of certificateFile, the only one that nginx is given",
      });
    }
    if (tls.redirectPort === port) {
      problems.push({
        path: "balancer.tls.redirectPort",
        text: `must not be balancer.listen.port, got ${port}`,
      });
    }
  }
  if (management && [port, tls?.redirectPort].includes(management.port)) {
    problems.push({
      path: "balancer.management.port",
      text: `must be another port than the clients', got ${management.port}`,
    });
  }
  if (routes?.set === "none" && !routes.paths?.length) {
    problems.push({
      path: "balancer.routes.paths",
      text: 'must name a path when routes.set is "none", or clients can ask for nothing',
    });
  }
  return problems;
}

/** Docker gives a port of an address away once. */
function listenProblems({ listen = {} }: Known<BalancerArgs>): Problem[] {
  const { address, addresses = [] } = listen;
  const path = "balancer.listen.addresses";
  const text = "takes the place of address; leave one of them out";
  const canonical = addresses.map(canonicalIp);
  return [
    ...(address !== undefined && addresses.length > 0 ? [{ path, text }] : []),
    ...addresses.flatMap((each, at): Problem[] => {
      const whole = addresses[canonical.indexOf(isIP(each) === 4 ? "0.0.0.0" : "::")];
      const repeats = canonical.indexOf(canonicalIp(each)) !== at;
      if (!repeats && (whole === undefined || whole === each)) return [];
      const of = repeats ? "is there already" : `is among those of ${whole}`;
      return [{ path: `${path}[${at}]`, text: `${of}; leave it out, got ${show(each)}` }];
    }),
  ];
}

/** Names, keys and paths that may be there once only. */
function duplicateProblems({ access = {}, routes }: Known<BalancerArgs>): Problem[] {
  const keys = access.apiKeys ?? [];
  return [
    ...repeated(
      keys.map(({ name }) => name),
      "balancer.access.apiKeys",
      "name",
      true,
    ),
    // The key itself must not be shown.
    ...repeated(
      keys.map(({ key }) => key),
      "balancer.access.apiKeys",
      "key",
      false,
    ),
    ...repeated(
      (routes?.paths ?? []).map(({ path }) => path),
      "balancer.routes.paths",
      "path",
      true,
    ),
  ];
}

function repeated(
  values: readonly string[],
  path: string,
  field: string,
  shown: boolean,
): Problem[] {
  return values.flatMap((value, at) => {
    const first = values.indexOf(value);
    if (first === at) return [];
    const text = `must be unique, but ${path}[${first}] has the same${shown ? `, got ${show(value)}` : ""}`;
    return [{ path: `${path}[${at}].${field}`, text }];
  });
}

/** Seconds of a duration as Ollama reads it; undefined for "for ever". */
function durationSeconds(text: string): number | undefined {
  if (/^-?\d+$/.test(text)) return Number(text) > 0 ? Number(text) : undefined;
  const units: Record<string, number> = { ms: 0.001, s: 1, m: 60, h: 3600 };
  return [...text.matchAll(/([\d.]+)(ms|s|m|h)/g)].reduce(
    (sum, [, amount, unit]) => sum + Number(amount) * units[unit!]!,
    0,
  );
}
