// Ollama's routes. Source: Ollama 0.32.15, server/routes.go.

/** Methods by path; a path that ends in "/" is everything below it. */
export type Routes = Readonly<Record<string, readonly string[]>>;

/** Answered by the balancer itself, always: whether it is alive. */
export const HEALTH_PATH = "/healthz";

/** Below it the balancer tells a node what it holds of it, for the node's own health check. */
export const VERDICT_PATH = "/verdict/";

/** Below it are the texts of errors that nginx finds before it knows a location; clients may not ask for them. */
export const ERROR_PATH = "/mesh-error";

/** What clients need: inference. */
export const INFERENCE: Routes = {
  "/api/chat": ["POST"],
  "/api/embed": ["POST"],
  "/api/embeddings": ["POST"],
  "/api/generate": ["POST"],
  "/v1/audio/transcriptions": ["POST"],
  "/v1/chat/completions": ["POST"],
  "/v1/completions": ["POST"],
  "/v1/embeddings": ["POST"],
  "/v1/messages": ["POST"],
  "/v1/responses": ["POST"],
};

/** Inference of vLLM, SGLang and llama.cpp that Ollama has not; passed where a node is a service. Source: vLLM, "Online serving"; llama.cpp, tools/server/README.md. */
export const SERVICE_INFERENCE: Routes = Object.fromEntries(
  [
    ...["/classify", "/completion", "/completions", "/detokenize", "/embedding", "/embeddings"],
    ...["/apply-template", "/infill", "/pooling", "/rerank", "/reranking", "/score", "/tokenize"],
    ...["/v1/audio/translations", "/v1/messages/count_tokens", "/v1/rerank", "/v1/reranking"],
    ...["/v1/score", "/v2/rerank"],
  ].map((path) => [path, ["POST"]]),
);

/** Upgraded by some clients before they ask for it plainly. */
export const WEBSOCKET_FIRST = "/v1/responses";

/** Answered for the models that the mesh has, since clients ask for it before every start; all else is refused. */
export const PULL = "/api/pull";

/** What other model servers tell of their models, in OpenAI's form. */
export const MODEL_LISTS: Routes = { "/v1/models": ["GET"], "/v1/models/": ["GET"] };

/**
 * What clients read about a node. Balanced like any other request: managed nodes of a list have the same models
 * before they get traffic, and a pinned node would be one whose end takes the lists with it. /api/ps tells of the
 * node that answered only; all of them are on the management listener.
 */
export const READS: Routes = {
  "/": ["GET", "HEAD"],
  "/api/ps": ["GET"],
  "/api/show": ["POST"],
  "/api/status": ["GET"],
  "/api/tags": ["GET", "HEAD"],
  "/api/version": ["GET", "HEAD"],
  ...MODEL_LISTS,
};

/** Routes that change one node: balanced, they would change a random one. Whatever begins with them is refused. */
export const MANAGEMENT_ROUTES = [
  "/api/blobs",
  "/api/copy",
  "/api/create",
  "/api/delete",
  "/api/experimental",
  "/api/me",
  "/api/pull",
  "/api/push",
  "/api/signout",
  "/api/user",
] as const;

/** Those of them that change nothing of a node's models: they are about its account, or ask the cloud by it. */
export const ACCOUNT_ROUTES: readonly string[] = [
  "/api/experimental",
  "/api/me",
  "/api/signout",
  "/api/user",
];

/** Whether a path is of one of those routes. */
export const isManagementRoute = (path: string) =>
  MANAGEMENT_ROUTES.some((route) => path === route || path.startsWith(`${route}/`));
