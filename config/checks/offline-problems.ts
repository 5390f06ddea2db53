import { DEFAULT_ENGINE } from "../defaults.ts";
import type { Problem } from "../problems.ts";
import type { WellFormed } from "./well-formed.ts";

/** A host is switched off as a whole, and the balancer's is not. */
export function offlineProblems({ nodes, balancer }: WellFormed): Problem[] {
  const managed = nodes.filter(({ node }) => node.managed !== false);
  const hosts = Map.groupBy(managed, ({ node }) => node.host ?? DEFAULT_ENGINE);
  return [...hosts].flatMap(([host, own]): Problem[] => {
    const off = own.filter(({ node }) => node.offline);
    if (off.length === 0) return [];
    if (host === (balancer.host ?? DEFAULT_ENGINE)) {
      return off.map(({ at }) => ({
        path: `nodes[${at}].offline`,
        text: "must not be set on the balancer's own engine, which is on; for maintenance set maintenance: true",
      }));
    }
    const names = off.map(({ node }) => node.name).join(", ");
    return own
      .filter(({ node }) => !node.offline)
      .map(({ at }) => ({
        path: `nodes[${at}].offline`,
        text: `must be true, since the host of this node is that of ${names}, which is offline; add offline: true`,
      }));
  });
}
