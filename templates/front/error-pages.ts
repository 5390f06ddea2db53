import { ERROR_PATH } from "../../config/routes.ts";
import { RETRY_AFTER_SECONDS } from "../../config/defaults.ts";
import type { BalancerPlan } from "../../plan/balancer-plan.ts";
import { because, block, type Directive, directive, type Entry, entry, map } from "../directive.ts";
import { type Argument, jsonText, literal, pattern } from "../words.ts";
import { LOOPS } from "../tuning.ts";
import { ALLOWED_METHODS, LIMIT_SECONDS } from "../variables.ts";
import { maybeBase } from "../nodes/base-path.ts";
import { poolPlaces } from "../nodes/pools.ts";
import { hasApiKeys } from "./api-keys.ts";
import { NODE_NAME, UNPASSED, unpassed, unpassedMessage } from "../nodes/unpassed.ts";
import { checksHosts } from "../../plan/own-names.ts";
import { isLimited } from "./limits.ts";
import { limitsNetworks, NETWORK_REFUSED } from "./network-access.ts";
import { REFUSED } from "./refusals.ts";

interface ErrorPage {
  /** Last part of its location. */
  name: string;
  /** Codes that nginx makes itself and that mean this. */
  codes: readonly number[];
  /** Code that the client sees. */
  status: number;
  message: string;
  /** OpenAI's word for it, where clients look for one. */
  code?: string;
  headers?: Record<string, Argument>;
  /** Made before the request is read to its end: it has no path yet, and nginx can't go to a named location. */
  early?: true;
  /** Whether it can occur. */
  when?: (balancer: BalancerPlan) => boolean;
}

/** What nginx says for itself, always as JSON: API clients can't read its HTML pages. */
const PAGES: readonly ErrorPage[] = [
  { name: "400", codes: [400], status: 400, message: "bad request", early: true },
  {
    name: "http",
    codes: [497],
    status: 400,
    message: "this port speaks HTTPS",
    early: true,
    when: ({ tls }) => tls !== undefined,
  },
  {
    name: "401",
    codes: [REFUSED.key],
    status: 401,
    message: "an API key is needed, as Authorization: Bearer KEY or x-api-key: KEY",
    code: "invalid_api_key",
    headers: { "WWW-Authenticate": literal('Bearer realm="ollama-mesh"') },
    when: hasApiKeys,
  },
  {
    name: "network",
    codes: [REFUSED.network],
    status: 403,
    message: NETWORK_REFUSED,
    when: limitsNetworks,
  },
  {
    name: "host",
    codes: [REFUSED.host],
    status: 403,
    message:
      "this host name is not served here: any page could make its own name lead to this machine; use localhost or an IP address, or declare the name (balancer.address)",
    when: checksHosts,
  },
  {
    name: "origin",
    codes: [REFUSED.origin],
    status: 403,
    message: "pages of this origin may not use the load balancer (balancer.access.corsOrigins)",
  },
  { name: "403", codes: [403], status: 403, message: "not allowed" },
  {
    name: "404",
    codes: [404],
    status: 404,
    message: "not found: the load balancer serves the inference and read routes only",
  },
  {
    name: "405",
    codes: [405],
    status: 405,
    message: "method not allowed on this route",
    headers: { Allow: ALLOWED_METHODS },
  },
  {
    name: "408",
    codes: [408],
    status: 408,
    message: "the request took too long to arrive",
    early: true,
  },
  { name: "411", codes: [411], status: 411, message: "a length is required", early: true },
  {
    name: "413",
    codes: [413],
    status: 413,
    message: "the request is larger than the load balancer accepts (balancer.maxBodyMib)",
  },
  { name: "414", codes: [414], status: 414, message: "the URI is too long", early: true },
  { name: "421", codes: [421], status: 421, message: "this host is not served here", early: true },
  {
    name: "429",
    codes: [429],
    status: 429,
    message: "more requests than one client may make (balancer.access.limits)",
    code: "rate_limit_exceeded",
    headers: { "Retry-After": LIMIT_SECONDS },
    when: isLimited,
  },
  {
    name: "431",
    codes: [431, 494],
    status: 431,
    message: "the request headers are too large",
    early: true,
  },
  {
    name: "500",
    codes: [500],
    status: 503,
    message: "the load balancer has no room for so many and large requests, or failed; try again",
    headers: { "Retry-After": RETRY_AFTER_SECONDS },
  },
  { name: "501", codes: [501], status: 501, message: "not implemented", early: true },
  {
    name: "503",
    codes: [502, 503],
    status: 503,
    message: "no node can take the request at the moment; try again",
    headers: { "Retry-After": RETRY_AFTER_SECONDS },
  },
  {
    name: "504",
    codes: [504],
    status: 504,
    message: "the node gave no answer in time (balancer.readTimeoutSeconds)",
  },
  {
    name: "loop",
    codes: [508],
    status: 508,
    message: `no node could take the request, which has come through ${LOOPS.meshes} meshes: they are nodes of each other, and have no other node that answers, or none with its model`,
  },
  {
    name: "505",
    codes: [505],
    status: 505,
    message: "HTTP version not supported",
    early: true,
  },
];

const locationOf = ({ name, early }: ErrorPage) =>
  early ? `${ERROR_PATH}/${name}` : `@mesh_${name}`;

const variable = ({ name }: ErrorPage) => `$mesh_error_${name}`;

const possible = (balancer: BalancerPlan) => PAGES.filter(({ when }) => when?.(balancer) ?? true);

/** Names of the pages that have a path; a client who asks for one gets 404. */
export const pagesWithPath = (balancer: BalancerPlan): string[] =>
  possible(balancer).flatMap(({ name, early }) => (early ? name : []));

/** Source: Anthropic's and OpenAI's references; what clients raise as which exception goes by the status. */
const KINDS: Partial<Record<number, { anthropic: string; openai?: string }>> = {
  401: { anthropic: "authentication_error" },
  403: { anthropic: "permission_error" },
  404: { anthropic: "not_found_error" },
  413: { anthropic: "request_too_large" },
  429: { anthropic: "rate_limit_error", openai: "requests" },
  503: { anthropic: "overloaded_error" },
};

/** Per page the text in the shape of the API that was called: Ollama's, or under /v1 OpenAI's or Anthropic's. */
export function errorTexts(balancer: BalancerPlan): Directive[] {
  return [
    map("$request_uri", "$mesh_api", [
      entry("default", "ollama"),
      entry(pattern`^${maybeBase(balancer)}/v1/messages\b`, "anthropic"),
      entry(pattern`^${maybeBase(balancer)}/v1/`, "openai"),
    ]),
    unpassed(),
    ...possible(balancer).map((page) => {
      const places = page.status === 404 ? poolPlaces(balancer) : "";
      const alike = entriesOf(`${page.message}${places}`, page);
      if (page.name !== "503") return map("$mesh_api", variable(page), alike);
      const other = entriesOf(unpassedMessage(balancer), page, ":unpassed");
      return map(`"$mesh_api${UNPASSED}"`, variable(page), [...alike, ...other]);
    }),
  ];
}

/** A text in the shape of each API; the default is Ollama's. */
function entriesOf(message: string, { status, code }: ErrorPage, when = ""): Entry[] {
  const kind = KINDS[status];
  const other = status < 500 ? "invalid_request_error" : undefined;
  const openai = {
    message,
    type: kind?.openai ?? other ?? "server_error",
    param: null,
    code: code ?? null,
  };
  const anthropic = { type: kind?.anthropic ?? other ?? "api_error", message };
  const json = (value: unknown) => jsonText(value).replace(NODE_NAME, "$mesh_node");
  return [
    entry(when ? literal(`ollama${when}`) : "default", json({ error: message })),
    entry(literal(`openai${when}`), json({ error: openai })),
    entry(literal(`anthropic${when}`), json({ type: "error", error: anthropic })),
  ];
}

/** Which code leads to which page, and the pages. Only nginx's own errors: a node's answers pass untouched. */
export function errorPages(balancer: BalancerPlan): Directive[] {
  const pages = possible(balancer);
  return [
    ...pages.map((page) =>
      directive("error_page", ...page.codes, `=${page.status}`, locationOf(page)),
    ),
    ...pages.map((page, at) => {
      const place = [...(page.early ? ["="] : []), locationOf(page)];
      const of = block("location", place, pageBody(page));
      if (at > 0) return of;
      return because("these pages carry the headers of the server besides their own", of);
    }),
  ];
}

/** What nginx answers by itself is JSON, whatever the path ends in; without it "/x.html" would be an error in HTML. */
export const onlyJson = (): Directive[] => [
  block("types", [], []),
  directive("default_type", "application/json"),
];

function pageBody(page: ErrorPage): Directive[] {
  return [
    ...(page.early ? [directive("internal")] : []),
    directive("default_type", "application/json"),
    // TRACE is refused before any location is chosen, so nothing is set.
    ...(page.status === 405 ? [directive("uninitialized_variable_warn", "off")] : []),
    ...Object.entries(page.headers ?? {}).map(([header, value]) =>
      directive("add_header", header, value, "always"),
    ),
    directive("return", page.status, variable(page)),
  ];
}
