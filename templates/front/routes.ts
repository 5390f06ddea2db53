import { hostPort } from "../../config/net/host-port.ts";
import {
  ACCOUNT_ROUTES,
  HEALTH_PATH,
  INFERENCE,
  MANAGEMENT_ROUTES,
  MODEL_LISTS,
  PULL,
  READS,
  SERVICE_INFERENCE,
  WEBSOCKET_FIRST,
} from "../../config/routes.ts";
import type { BalancerPlan } from "../../plan/balancer-plan.ts";
import type { NodePlan } from "../../plan/node-plan.ts";
import { because, block, type Directive, directive, entry, map } from "../directive.ts";
import { anyNode, ofWholeMesh, watched } from "./whole-mesh.ts";
import { isRouted } from "../nodes/routed-node.ts";
import { jsonText, literal, pattern } from "../words.ts";
import { toGroup } from "../nodes/pools.ts";
import { ALLOWED_METHODS } from "../variables.ts";
import { hasLimitedKeys } from "./api-keys.ts";
import { answeredHere, heldBodies } from "./bodies.ts";

/** Paths that clients may ask for. */
interface RouteLocation {
  path: string;
  /** Everything that begins with it. */
  prefix: boolean;
  methods: readonly string[];
}

/** Every location of the front: an allow-list, because a deny-list leaks ("/api/delete/"). */
export function routes(balancer: BalancerPlan, nodes: readonly NodePlan[]): Directive[] {
  const { set } = balancer.routes;
  const locations = allowed(balancer, nodes);
  const rest = set === "all" ? toNodes(balancer, "", ANY) : [directive("return", 404)];
  const everything = locations.some(({ path, prefix }) => prefix && path === "/");
  return [
    // The 405 page names the variable, so it must be known also where no route checks methods.
    ...(locations.length === 0 ? [directive("set", ALLOWED_METHODS, '""')] : []),
    health(),
    ...locations.map((location) => passed(balancer, location)),
    ...(isRouted(balancer)
      ? anyNode(
          balancer,
          locations.map(({ path }) => path),
        )
      : []),
    ...(set === "ollama" ? withoutSlash(balancer, locations) : []),
    ...bareFolders(locations).map((path) => block("location", ["=", literal(path)], rest)),
    ...(set === "ollama" ? MANAGEMENT_ROUTES : []).map((path) =>
      block("location", [path], refusal(balancer, path)),
    ),
    ...(set === "ollama" && isRouted(balancer) ? pull(balancer) : []),
    ...(everything ? [] : [block("location", ["/"], rest)]),
  ];
}

/** Every location once: what is declared goes before what is built in. */
function allowed(balancer: BalancerPlan, nodes: readonly NodePlan[]): RouteLocation[] {
  const { set, paths } = balancer.routes;
  const builtIn = Object.entries({
    ...(set === "ollama" ? { ...INFERENCE, ...READS } : {}),
    ...(set === "ollama" && nodes.some(({ kind }) => kind === "service") ? SERVICE_INFERENCE : {}),
    ...(set === "all" && isRouted(balancer) ? MODEL_LISTS : {}),
  });
  const all = [
    // "/" of Ollama is one page, not everything below it.
    ...builtIn.map(([path, methods]) => ({ path, methods, prefix: /.\/$/.test(path) })),
    ...paths.map(({ path, methods }) => ({ path, methods, prefix: path.endsWith("/") })),
  ].filter(({ path }) => path !== HEALTH_PATH);
  return [
    ...new Map(all.map((location) => [`${location.prefix} ${location.path}`, location])).values(),
  ];
}

/**
 * "/files" where "/files/" is declared: nginx would answer it with a redirect to its own port, which no client
 * can reach, and which makes a GET of a POST.
 */
function bareFolders(locations: readonly RouteLocation[]): string[] {
  const exact = new Set(locations.filter(({ prefix }) => !prefix).map(({ path }) => path));
  return locations
    .filter(({ path, prefix }) => prefix && path !== "/")
    .map(({ path }) => path.slice(0, -1))
    .filter((path) => !exact.has(path) && path !== HEALTH_PATH);
}

function health(): Directive {
  return block(
    "location",
    ["=", HEALTH_PATH],
    [
      directive("access_log", "off"),
      directive("default_type", "text/plain"),
      directive("return", 200, '"ok\\n"'),
    ],
  );
}

function passed(balancer: BalancerPlan, { path, prefix, methods }: RouteLocation): Directive {
  const handler = isRouted(balancer) ? ofWholeMesh(path) : undefined;
  return block("location", prefix ? [literal(path)] : ["=", literal(path)], [
    ...(path === WEBSOCKET_FIRST && !prefix ? noWebsocket(balancer) : []),
    ...methodCheck(methods),
    ...(handler
      ? [...answeredHere(balancer), handler]
      : toNodes(balancer, prefix ? "" : path, methods)),
  ]);
}

/** As Ollama reads a path of its own: a slash too many at its end is none. The method is checked where it leads. */
function withoutSlash({ routes }: BalancerPlan, locations: readonly RouteLocation[]): Directive[] {
  const exact = locations.filter(({ path, prefix }) => !prefix && path !== "/");
  const declared = new Set(routes.paths.map(({ path }) => path));
  return exact
    .map(({ path }) => path)
    .filter((path) => !declared.has(path) && !declared.has(`${path}/`))
    .map((path) =>
      block("location", ["=", literal(`${path}/`)], [directive("rewrite", "^", path, "last")]),
    );
}

/** A model that the mesh has is there already, and Ollama would say so; another one is refused. */
const pull = (balancer: BalancerPlan): Directive[] => [
  block(
    "location",
    ["=", PULL],
    [
      ...answeredHere(balancer),
      directive("client_max_body_size", PULL_BODY),
      directive("client_body_buffer_size", PULL_BODY),
      directive("js_content", "requests.pull"),
    ],
  ),
  block("location", ["=", `${PULL}/`], [directive("rewrite", "^", PULL, "last")]),
  block("location", ["@mesh_no_pull"], refusal(balancer, PULL)),
];

/** A name and a few options. */
const PULL_BODY = "64k";

/** What may be an inference: any method. */
const ANY = ["POST"] as const;

/** With a path they get just that. A request that only reads is no stream, and refused for its key alone. */
function toNodes(balancer: BalancerPlan, path: string, methods: readonly string[]): Directive[] {
  const infers = methods.some((method) => method !== "GET" && method !== "HEAD");
  const refuses = infers || hasLimitedKeys(balancer);
  return [...(isRouted(balancer) && refuses ? watched() : []), ...passes(balancer, path)];
}

function methodCheck(methods: readonly string[]): Directive[] {
  const [only, ...others] = methods;
  const check = others.length > 0 ? ["!~", `^(${methods.join("|")})$)`] : ["!=", `${only})`];
  return [
    directive("set", ALLOWED_METHODS, literal(methods.join(", "))),
    block("if", ["($request_method", ...check], [directive("return", 405)]),
  ];
}

/** To the nodes. With a path they get just that, however the client wrote it ("/api/./chat", "/api/%63hat"). */
const passes = (balancer: BalancerPlan, path: string): Directive[] => [
  ...heldBodies(balancer, path),
  toGroup(balancer, path),
];

/** Told by 426, clients that try a WebSocket first go on without one at once; after 405 they try five times. */
const noWebsocket = ({ routes }: BalancerPlan): Directive[] =>
  routes.upgrade
    ? []
    : [
        directive("add_header", "Upgrade", "$mesh_instead", "always"),
        block(
          "if",
          ["($mesh_instead", "!=", '"")'],
          [directive("return", 426, jsonText({ error: "no WebSocket here; POST over HTTP" }))],
        ),
      ];

/** What a request that wants to be a WebSocket is to be instead. */
export const websocketMap = ({ routes }: BalancerPlan): Directive[] =>
  routes.upgrade
    ? []
    : [
        map('"$request_method $http_upgrade"', "$mesh_instead", [
          entry("default", '""'),
          entry(pattern`^GET (?i:websocket)\z`, "HTTP/1.1"),
        ]),
      ];

/** Says where a route that is one node's is served. */
function refusal({ management }: BalancerPlan, path: string): Directive[] {
  const what = ACCOUNT_ROUTES.includes(path)
    ? "this route is about the account of one node, or asks the cloud by it, and is not served to clients"
    : path === PULL
      ? "no node has this model, or nobody can tell, and clients pull none: declare it in models"
      : "this route changes one node and is not served to clients";
  const where = management
    ? `the management listener, http://${hostPort(management.address, management.port)}/nodes/<name>/, serves it for each node`
    : "balancer.management declares a listener that serves it for each node; the models themselves are declared in the stack config";
  return [
    directive("default_type", "application/json"),
    because(
      "answered here and not by an error page: the text depends on the route",
      directive("return", 403, jsonText({ error: `${what}; ${where}` })),
    ),
  ];
}
