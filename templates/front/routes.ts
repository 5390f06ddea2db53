import { hostPort } from "../../config/net/host-port.ts";
import { HEALTH_PATH, INFERENCE, MANAGEMENT_ROUTES, READS } from "../../config/routes.ts";
import type { BalancerPlan } from "../../plan/balancer-plan.ts";
import { because, block, type Directive, directive } from "../directive.ts";
import { jsonText, literal } from "../words.ts";
import { ALLOWED_METHODS, UPSTREAM } from "../variables.ts";

/** Paths that clients may ask for. */
interface RouteLocation {
  path: string;
  /** Everything that begins with it. */
  prefix: boolean;
  methods: readonly string[];
}

/** Every location of the front: an allow-list, because a deny-list leaks ("/api/delete/"). */
export function routes(balancer: BalancerPlan): Directive[] {
  const { set } = balancer.routes;
  const locations = allowed(balancer);
  const rest = set === "all" ? [passes("")] : [directive("return", 404)];
  const everything = locations.some(({ path, prefix }) => prefix && path === "/");
  return [
    // The 405 page names the variable, so it must be known also where no route checks methods.
    ...(locations.length === 0 ? [directive("set", ALLOWED_METHODS, '""')] : []),
    health(),
    ...locations.map(passed),
    ...bareFolders(locations).map((path) => block("location", ["=", literal(path)], rest)),
    ...(set === "ollama" ? MANAGEMENT_ROUTES : []).map((path) =>
      block("location", [path], refusal(balancer)),
    ),
    ...(everything ? [] : [block("location", ["/"], rest)]),
  ];
}

/** Every location once: what is declared goes before what is built in. */
function allowed({ routes: { set, paths } }: BalancerPlan): RouteLocation[] {
  const builtIn = set === "ollama" ? Object.entries({ ...INFERENCE, ...READS }) : [];
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

function passed({ path, prefix, methods }: RouteLocation): Directive {
  return block("location", prefix ? [literal(path)] : ["=", literal(path)], [
    ...methodCheck(methods),
    passes(prefix ? "" : path),
  ]);
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
const passes = (path: string): Directive =>
  directive("proxy_pass", literal(`http://${UPSTREAM}${path}`));

/** Says where a route that changes a node is served. */
function refusal({ management }: BalancerPlan): Directive[] {
  const what = "this route changes one node and is not served to clients";
  const where = management
    ? `its management listener, http://${hostPort(management.address, management.port)}/nodes/<name>/, serves it for each node`
    : "balancer.management declares a listener that serves it for each node; the models themselves are declared in the stack config";
  return [
    directive("default_type", "application/json"),
    because(
      "answered here and not by an error page: the text depends on the route",
      directive("return", 403, jsonText({ error: `${what}; ${where}` })),
    ),
  ];
}
