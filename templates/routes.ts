import { block, directive, type Directive } from "./directive.ts";
import { UPSTREAM } from "./upstream.ts";

/** Routes of Ollama that clients need, with the methods it serves; everything else is refused. Source: Ollama, server/routes.go. */
const INFERENCE = [
  "/api/chat",
  "/api/embed",
  "/api/embeddings",
  "/api/generate",
  "/v1/audio/transcriptions",
  "/v1/chat/completions",
  "/v1/completions",
  "/v1/embeddings",
  "/v1/messages",
  "/v1/responses",
] as const;

/** What clients read about a node; every node has the same models. */
const READS: Record<string, readonly string[]> = {
  "= /": ["GET", "HEAD"],
  "= /api/ps": ["GET"],
  "= /api/show": ["POST"],
  "= /api/tags": ["GET", "HEAD"],
  "= /api/version": ["GET", "HEAD"],
  "= /v1/models": ["GET"],
  "/v1/models/": ["GET"],
};

/** Routes that change one node's models: balanced, they would change a random one. */
const MANAGEMENT = [
  "= /api/copy",
  "= /api/create",
  "= /api/delete",
  "= /api/pull",
  "= /api/push",
  "/api/blobs/",
] as const;

/** Every location of the front: an allow-list, because a deny-list leaks ("/api/delete/"). */
export function routes(): Directive[] {
  return [
    block(
      "location",
      ["=", "/healthz"],
      [
        directive("access_log", "off"),
        directive("default_type", "text/plain"),
        directive("return", 200, '"ok\\n"'),
      ],
    ),
    ...INFERENCE.map((route) => passed(`= ${route}`, ["POST"])),
    ...Object.entries(READS).map(([route, methods]) => passed(route, methods)),
    ...MANAGEMENT.map((route) => block("location", [route], [directive("return", 403)])),
    block("location", ["/"], [directive("return", 404)]),
  ];
}

function passed(route: string, methods: readonly string[]): Directive {
  return block(
    "location",
    [route],
    [
      block(
        "if",
        ["($request_method", "!~", `^(${methods.join("|")})$)`],
        [directive("return", 405)],
      ),
      directive("proxy_pass", `http://${UPSTREAM}`),
    ],
  );
}
