import { because, block, type Directive, directive, entry, map } from "../directive.ts";
import { LOOPS } from "../tuning.ts";
import { literal, pattern } from "../words.ts";

// A mesh may be a node of a mesh, and that one a node of the first. What neither can do would be passed to and fro, each
// time as a new request with tries of its own. So each mesh says that a request has come through it, as RFC 8586 has it.

/** Name of every mesh in that header: meshes have no names that are sure to differ. */
const MESH = "ollama-mesh";

/** What the http block needs. */
export const loopMaps = (): Directive[] => [
  map("$http_cdn_loop", "$mesh_passed", [
    entry("default", `"$http_cdn_loop, ${MESH}"`),
    entry(literal(""), MESH),
  ]),
  map("$http_cdn_loop", "$mesh_looped", [
    entry("default", '""'),
    entry(
      {
        pattern: Array<string>(LOOPS.meshes)
          .fill(pattern`(?:^|[ ,])${MESH}(?![^ ,;])`.pattern)
          .join(".*"),
      },
      1,
    ),
  ]),
];

/** What nodes are told; for the headers of a request. */
export const throughMesh = (): Directive =>
  because(
    "RFC 8586: meshes may be nodes of each other",
    directive("proxy_set_header", "CDN-Loop", "$mesh_passed"),
  );

/** Refuses what has come through too many; in the server, after the keys. */
export const refuseLoops = (): Directive =>
  block("if", ["($mesh_looped)"], [directive("return", 508)]);
