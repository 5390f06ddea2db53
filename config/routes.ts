// Ollama's routes. Source: Ollama 0.32.15, server/routes.go.

/** Methods by path; a path that ends in "/" is everything below it. */
export type Routes = Readonly<Record<string, readonly string[]>>;

/** Answered by the balancer itself, always: whether it is alive. */
export const HEALTH_PATH = "/healthz";

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

/**
 * What clients read about a node. Balanced like any other request: managed nodes of a list have the same models
 * before they get traffic, and a pinned node would be one whose end takes the lists with it. /api/ps tells of the
 * node that answered only; all of them are on the management listener.
 */
export const READS: Routes = {
  "/": ["GET", "HEAD"],
  "/api/ps": ["GET"],
  "/api/show": ["POST"],
  "/api/tags": ["GET", "HEAD"],
  "/api/version": ["GET", "HEAD"],
  "/v1/models": ["GET"],
  "/v1/models/": ["GET"],
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

/** Whether a path is of one of those routes. */
export const isManagementRoute = (path: string) =>
  MANAGEMENT_ROUTES.some((route) => path === route || path.startsWith(`${route}/`));
