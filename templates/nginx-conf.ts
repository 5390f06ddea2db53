import type { BalancerPlan } from "../plan/balancer-plan.ts";
import type { NodePlan } from "../plan/node-plan.ts";
import { block, slot, type Statement } from "./directive.ts";
import { accessMaps } from "./front/access.ts";
import { hasApiKeys, mapSizes } from "./front/api-keys.ts";
import { basePathMaps, cutBasePath } from "./nodes/base-path.ts";
import { bodies, bodyMaps } from "./front/bodies.ts";
import { errorPages, errorTexts } from "./front/error-pages.ts";
import { frontDoor, listenFront } from "./front/front-door.ts";
import { limitZones } from "./front/limits.ts";
import { accessLog, requestMaps } from "./front/logging.ts";
import { routes, websocketMap } from "./front/routes.ts";
import { redirectServer } from "./front/tls.ts";
import { loopback, management } from "./management.ts";
import { verdictLocations } from "./front/verdict-locations.ts";
import { njsModule, programServers, programSettings } from "./njs-conf.ts";
import { otelModule, traced, tracing } from "./monitoring/tracing.ts";
import { sessionCookieMap } from "./nodes/routed-group.ts";
import { PROGRAM_HASH } from "./njs-program.ts";
import { loopMaps, refuseLoops } from "./nodes/loops.ts";
import { cutPoolPath, nowhereMap, poolMaps, refuseNowhere } from "./nodes/pools.ts";
import { proxySettings, upgradeMap } from "./nodes/proxy.ts";
import { isRouted, routerSettings } from "./nodes/routed-node.ts";
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
    ...(isRouted(balancer) ? njsModule() : []),
    ...otelModule(balancer),
    ...processSettings(balancer),
    events(),
    block("http", [], http(balancer, nodes)),
  ]);
}

const http = (balancer: BalancerPlan, nodes: readonly NodePlan[]): Statement[] => [
  ...serverProcess(),
  ...mapSizes(balancer),
  ...requestMaps(balancer),
  ...basePathMaps(balancer),
  ...poolMaps(balancer),
  ...nowhereMap(balancer, nodes),
  ...accessMaps(balancer, nodes),
  ...loopMaps(),
  ...limitZones(balancer),
  ...bodyMaps(balancer),
  ...accessLog(balancer),
  ...tracing(balancer),
  ...errorTexts(balancer),
  ...upgradeMap(balancer),
  ...websocketMap(balancer),
  ...(isRouted(balancer) ? program(balancer) : []),
  ...balancing(balancer, nodes),
  block("server", [], front(balancer, nodes)),
  ...redirectServer(balancer, nodes),
  loopback(balancer, HASH_MARK),
  ...(isRouted(balancer) ? programServers(balancer) : []),
  ...management(balancer, nodes, HASH_MARK),
  slot("hops"),
];

const program = (balancer: BalancerPlan): Statement[] => [
  ...programSettings(PROGRAM_HASH, routerSettings(balancer).session, hasApiKeys(balancer)),
  ...sessionCookieMap(balancer),
];

const front = (balancer: BalancerPlan, nodes: readonly NodePlan[]): Statement[] => [
  ...listenFront(balancer),
  ...cutBasePath(balancer),
  ...cutPoolPath(balancer),
  ...frontDoor(balancer),
  ...traced(balancer),
  refuseLoops(),
  ...refuseNowhere(balancer, nodes),
  ...proxySettings(balancer),
  ...errorPages(balancer),
  ...verdictLocations(balancer, nodes),
  ...bodies(balancer),
  ...routes(balancer, nodes),
];
