import type { BalancerArgs } from "../balancer-args.ts";
import type { Known } from "../mesh-config.ts";
import { type Problem, show } from "../problems.ts";
import { ERROR_PATH, HEALTH_PATH, isManagementRoute } from "../routes.ts";

/** Declared paths that the balancer serves itself, or never passes on. */
export function routeProblems({ routes }: Known<BalancerArgs>): Problem[] {
  const set = routes?.set ?? "ollama";
  return (routes?.paths ?? []).flatMap(({ path }, at) => {
    const reason = refusedFor(path, set);
    return reason
      ? [{ path: `balancer.routes.paths[${at}].path`, text: `${reason}, got ${show(path)}` }]
      : [];
  });
}

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
