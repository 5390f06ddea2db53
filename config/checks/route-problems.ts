import type { BalancerArgs } from "../balancer-args.ts";
import type { Known } from "../mesh-config.ts";
import { type Problem, show } from "../problems.ts";
import {
  ERROR_PATH,
  HEALTH_PATH,
  INFERENCE,
  MANAGEMENT_ROUTES,
  READS,
  VERDICT_PATH,
  isManagementRoute,
} from "../routes.ts";

/** Declared paths that the balancer serves itself, or never passes on. */
export function routeProblems(balancer: Known<BalancerArgs>): Problem[] {
  const { routes } = balancer;
  const set = routes?.set ?? "ollama";
  const paths = (routes?.paths ?? []).map(({ path }) => path);
  const refused = paths.flatMap((path, at) => {
    const reason = refusedFor(path, set);
    return reason
      ? [{ path: `balancer.routes.paths[${at}].path`, text: `${reason}, got ${show(path)}` }]
      : [];
  });
  return [...refused, ...basePathProblems(balancer)];
}

/** What it would hide: below it a route is no route any more. */
function basePathProblems(balancer: Known<BalancerArgs>): Problem[] {
  const { basePath } = balancer;
  const hidden = basePath === undefined ? undefined : hiddenBelow(basePath, balancer);
  if (hidden === undefined) return [];
  const text = `must not be the begin of a route: ${hidden} could not be asked for any more, got ${show(basePath)}`;
  return [{ path: "balancer.basePath", text }];
}

/** A route that cannot be asked for any more where this path is cut off; undefined for none. */
export const hiddenBelow = (path: string, { routes }: Known<BalancerArgs>): string | undefined =>
  [...SERVED, ...(routes?.paths ?? []).map((route) => route.path)].find((route) =>
    `${route}/`.startsWith(`${path}/`),
  );

/** Paths of the balancer's own. */
const SERVED = [
  ...Object.keys({ ...INFERENCE, ...READS }),
  ...MANAGEMENT_ROUTES,
  ...[HEALTH_PATH, ERROR_PATH, VERDICT_PATH],
];

function refusedFor(path: string, set: string): string | undefined {
  if (path === HEALTH_PATH) return "must be another path: the balancer answers this one itself";
  if (path.startsWith(ERROR_PATH))
    return "must be another path: the balancer keeps its error pages there";
  if (/(^|\/)\.{1,2}(\/|$)|\/\//.test(path)) {
    return 'must have no ".", ".." or empty part: nginx takes them out of what clients ask for, so it would match nothing';
  }
  if (set === "ollama" && isManagementRoute(path.replace(/\/$/, ""))) {
    return "must not be a route that changes one node: balanced, it would change a random one; balancer.management serves it for each";
  }
  return undefined;
}
