import type { BalancerPlan } from "../../plan/balancer-plan.ts";
import { because, block, type Directive, directive } from "../directive.ts";
import { hasApiKeys } from "../front/api-keys.ts";
import { CONFIG_FOLDER } from "../nginx-layout.ts";
import { isRouted } from "../nodes/routed-node.ts";
import { jsonText, literal } from "../words.ts";
import { STATUS_PAGE, STATUS_PAGE_POLICY } from "./status-page.ts";

/** Where the state of the whole mesh is told as JSON. */
export const STATUS_PATH = "/status.json";

/** Where it is told what API keys have used. */
export const USAGE_PATH = "/usage.json";

/** The state of the mesh as JSON, for the page and the command, and what API keys have used, where any are declared. */
export const statusJson = (balancer: BalancerPlan): Directive[] => [
  block(
    "location",
    ["=", STATUS_PATH],
    isRouted(balancer)
      ? [directive("js_content", "mesh.status")]
      : [
          directive("default_type", "application/json"),
          directive("return", 200, jsonText({ format: 1, routing: "plain" })),
        ],
  ),
  ...(isRouted(balancer) && hasApiKeys(balancer)
    ? [block("location", ["=", USAGE_PATH], [directive("js_content", "mesh.usage")])]
    : []),
];

/** The page that a person looks at. */
export const statusPages = (balancer: BalancerPlan): Directive[] => [
  block("location", ["=", "/"], [directive("return", 302, "/status")]),
  block(
    "location",
    ["=", "/status"],
    [
      directive("default_type", literal("text/html; charset=utf-8")),
      ...(isRouted(balancer) ? page() : plainPage()),
    ],
  ),
];

const page = (): Directive[] => [
  ...hardened(STATUS_PAGE_POLICY),
  directive("alias", `${CONFIG_FOLDER}/current/${STATUS_PAGE}`),
];

/** Without a script: nothing of it changes while it is looked at. */
const plainPage = (): Directive[] => [
  ...hardened("default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"),
  directive("return", 200, literal(PLAIN_TEXT)),
];

const PLAIN_TEXT = [
  '<!doctype html><html lang="en"><head><meta charset="utf-8">',
  '<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">',
  "<title>ollama-mesh</title></head><body><main><h1>ollama-mesh</h1>",
  "<p>With routing: plain nginx chooses nodes by itself and keeps to itself which of them it holds for failed: this ",
  "page cannot know which node is well, what it has loaded, how fast it is and how many requests it has. ",
  "With routing: models it does.</p>",
  '<p>What there is: <a href="/ready">whether some node answers</a>, ',
  '<a href="/stub_status">connections and requests</a>, <a href="/config-hash">the config</a>, the log, ',
  "and in a terminal: ollama-mesh doctor.</p></main></body></html>",
].join("");

const hardened = (policy: string): Directive[] => [
  because(
    "a page that can do nothing but read: no script but its own, in no frame",
    directive("add_header", "Content-Security-Policy", literal(policy)),
  ),
  directive("add_header", "X-Content-Type-Options", "nosniff"),
  directive("add_header", "Referrer-Policy", "no-referrer"),
  directive("add_header", "Cache-Control", "no-cache"),
];
