import type { BalancerPlan } from "../plan/balancer-plan.ts";
import type { NodePlan } from "../plan/node-plan.ts";
import { block, slot, type Statement } from "./directive.ts";
import { accessMaps } from "./front/access.ts";
import { mapSizes } from "./front/api-keys.ts";
import { errorPages, errorTexts } from "./front/error-pages.ts";
import { frontDoor, listenFront } from "./front/front-door.ts";
import { limitZones } from "./front/limits.ts";
import { accessLog, requestMaps } from "./front/logging.ts";
import { routes } from "./front/routes.ts";
import { redirectServer } from "./front/tls.ts";
import { loopback, management } from "./management.ts";
import { proxySettings, upgradeMap } from "./nodes/proxy.ts";
import { balancing } from "./nodes/upstream.ts";
import { events, printConfig, processSettings, serverProcess } from "./process.ts";
import { HASH_MARK } from "./slots.ts";

/**
 * Renders the balancer's config from the plan: everything but the nodes, which their admissions add
 * (see withServers). The same plan gives the same bytes. From top to bottom it is what a request meets: who may come
 * in and how often (front/), then the nodes (nodes/), then the front's server, and the listeners beside it.
 *
 * @throws RangeError for text that nginx cannot hold, which no config that parseMesh accepted has
 */
export function nginxConf(balancer: BalancerPlan, nodes: readonly NodePlan[]): string {
  return printConfig([
    ...processSettings(balancer),
    events(),
    block("http", [], http(balancer, nodes)),
  ]);
}

const http = (balancer: BalancerPlan, nodes: readonly NodePlan[]): Statement[] => [
  ...serverProcess(),
  ...mapSizes(balancer),
  ...requestMaps(),
  ...accessMaps(balancer),
  ...limitZones(balancer),
  ...accessLog(balancer),
  ...errorTexts(balancer),
  ...upgradeMap(balancer),
  ...balancing(balancer, nodes),
  block("server", [], front(balancer)),
  ...redirectServer(balancer),
  loopback(HASH_MARK),
  ...management(balancer, nodes, HASH_MARK),
  slot("tlsProxies"),
];

const front = (balancer: BalancerPlan): Statement[] => [
  ...listenFront(balancer),
  ...frontDoor(balancer),
  ...proxySettings(balancer),
  ...errorPages(balancer),
  ...routes(balancer),
];
