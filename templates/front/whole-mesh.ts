import type { BalancerPlan } from "../../plan/balancer-plan.ts";
import { block, type Directive, directive } from "../directive.ts";
import { toGroup } from "../nodes/pools.ts";

// What the program in nginx does in the locations of the front.

/** For each location that leads inference to the nodes. */
export const watched = (): Directive[] => [
  directive("js_header_filter", "requests.headers"),
  directive("js_body_filter", "requests.tokens", "buffer_type=buffer"),
];

/** Who answers a path for the whole mesh; undefined for one that some node answers. */
export function ofWholeMesh(path: string): Directive | undefined {
  const handler = WHOLE_MESH[path];
  return handler === undefined ? undefined : directive("js_content", handler);
}

const WHOLE_MESH: Readonly<Record<string, string>> = {
  "/api/ps": "requests.list",
  "/api/tags": "requests.list",
  "/v1/models": "requests.list",
  "/v1/models/": "requests.model",
};

/** Where those go until every node has been asked: some node, with the path itself, however the client wrote it. */
export const anyNode = (balancer: BalancerPlan, paths: readonly string[]): Directive[] =>
  paths
    .filter((path) => path in WHOLE_MESH)
    .map((path) =>
      block(
        "location",
        [`@mesh_nodes${path}`],
        [
          // A named location's proxy_pass takes no path of its own.
          ...(path.endsWith("/") ? [] : [directive("rewrite", "^", path, "break")]),
          toGroup(balancer),
        ],
      ),
    );
