import type { BalancerArgs } from "../balancer-args.ts";
import { DEFAULT_ENGINE } from "../defaults.ts";
import type { Known } from "../mesh-config.ts";
import { canonicalEngine } from "../net/engine-endpoint.ts";
import type { Problem } from "../problems.ts";
import type { WellFormed } from "./well-formed.ts";

/** A host is switched off as a whole; that of the only balancer is not. */
export function offlineProblems({ nodes, balancer }: WellFormed): Problem[] {
  const managed = nodes.filter(({ node }) => node.managed !== false);
  const hosts = Map.groupBy(managed, ({ node }) => canonicalEngine(node.host ?? DEFAULT_ENGINE));
  return [...hosts].flatMap(([host, own]): Problem[] => {
    const off = own.filter(({ node }) => node.offline);
    const { runs, isOff, called } = balancerOn(balancer, host);
    if (runs && !isOff) {
      return off.map(({ at }) => ({ path: `nodes[${at}].offline`, text: called }));
    }
    if (off.length === 0 && !isOff) return [];
    const names = isOff ? "a balancer" : off.map(({ node }) => node.name).join(", ");
    return own
      .filter(({ node }) => !node.offline)
      .map(({ at }) => ({
        path: `nodes[${at}].offline`,
        text: `must be true, since the host of this node is that of ${names}, which is offline; add offline: true`,
      }));
  });
}

/** Whether a balancer runs on an engine, by its one text, and is off; and what is said of a node there that is. */
function balancerOn({ host = DEFAULT_ENGINE, hosts }: Known<BalancerArgs>, engine: string) {
  if (!hosts) {
    const called =
      "must not be set on the balancer's own engine, which is on; for maintenance set maintenance: true";
    return { runs: canonicalEngine(host) === engine, isOff: false, called };
  }
  const at = hosts.findIndex((each) => canonicalEngine(each.host) === engine);
  const called = `must not be set while the balancer on that machine is on; set balancer.hosts[${at}].offline too, or for maintenance maintenance: true`;
  return { runs: at >= 0, isOff: hosts[at]?.offline ?? false, called };
}
