import { block, directive, type Directive } from "./directive.ts";

/** Port inside the container, on its loopback only. */
export const MANAGEMENT_PORT = 8081;

/** What only the mesh itself may ask: which config serves, and nginx's counters. */
export function management(hashMark: string): Directive {
  return block(
    "server",
    [],
    [
      directive("listen", `127.0.0.1:${MANAGEMENT_PORT}`),
      directive("access_log", "off"),
      directive("default_type", "text/plain"),
      block("location", ["=", "/config-hash"], [directive("return", 200, hashMark)]),
      block("location", ["=", "/stub_status"], [directive("stub_status")]),
      block("location", ["/"], [directive("return", 404)]),
    ],
  );
}
