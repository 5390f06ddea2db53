// What may reach a node through the front, what may not, and how it may be written.

/** The key of the balancers that want one. */
export const KEY = "table-0123456789abcdef";

/** What clients may ask for. Written down again here: a route that slips into the product fails the table. */
export const SERVED = new Set([
  ...[
    "GET /",
    "HEAD /",
    "GET /api/tags",
    "HEAD /api/tags",
    "GET /api/version",
    "HEAD /api/version",
  ],
  ...[
    "GET /api/ps",
    "GET /api/status",
    "POST /api/show",
    "GET /v1/models",
    "GET /v1/models/llama3.2:3b",
  ],
  ...["POST /api/chat", "POST /api/generate", "POST /api/embed", "POST /api/embeddings"],
  ...["POST /v1/chat/completions", "POST /v1/completions", "POST /v1/embeddings"],
  ...["POST /v1/responses", "POST /v1/messages", "POST /v1/audio/transcriptions"],
]);

const DIGEST = `sha256:${"0".repeat(64)}`;
/** What changes a node or speaks for its owner. */
export const MANAGEMENT = [
  ...["/api/pull", "/api/push", "/api/create", "/api/copy", "/api/delete", `/api/blobs/${DIGEST}`],
  ...["/api/me", "/api/signout", "/api/user/keys/1", "/api/experimental/web_search"],
  ...["/api/experimental/web_fetch", "/api/experimental/model-recommendations"],
  ...["/debug/pprof/", "/metrics", "/nodes/a/api/delete"],
];
/** Methods that are tried on every path. */
export const METHODS = [
  "GET",
  "HEAD",
  "POST",
  "PUT",
  "PATCH",
  "DELETE",
  "OPTIONS",
  "PROPFIND",
  "X",
];

/** The paths of routes, each once. */
export const paths = (routes: Iterable<string>) => [
  ...new Set([...routes].map((route) => route.split(" ")[1]!)),
];

/** Ways to write a path that some server might take for it. */
export const odd = (path: string) => [
  `${path}/`,
  `/${path}`,
  `${path};x`,
  `${path}%2f`,
  `${path}%00`,
  `${path}%0a`,
  `${path}.`,
  `${path}%20`,
  `${path}?`,
  `${path}?path=/api/chat`,
  `${path}#/api/chat`,
  `/v1/..${path}`,
  `/api/chat/..${path.replace("/api", "")}`,
  `/api/chat/%2e%2e${path.replace("/api", "")}`,
  `/api/chat/..%2f..${path}`,
  `/v1/models/../..${path}`,
  `/v1/models/..%2f..${path}`,
  `/v1/models/..;${path}`,
  `/./${path.slice(1)}`,
  path.toUpperCase(),
  path.replaceAll("/", "//"),
  path.replaceAll("/", "\\"),
  path.replace(/.$/, (last) => `%${last.charCodeAt(0).toString(16)}`),
  path.replace("/api", "/api%2f"),
  path.replace("/api", "/%61pi"),
  path.replace("/api", "/API"),
];

/** One segment or more below /v1/models/, none of them leading up, no encoded slash that a node might read as one. */
export function isModelName(request: string): boolean {
  const [method, path = ""] = request.split(" ");
  return method === "GET" && path.startsWith("/v1/models/") && !/\.\.(\/|$)/.test(path);
}
