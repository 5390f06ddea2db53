import { type Directive, because, block, directive } from "./directive.ts";
import { PROGRAM } from "./njs-program.ts";
import type { RouterSession } from "./router-data.ts";
import { UPSTREAM } from "./variables.ts";
import { literal } from "./words.ts";

// What nginx.conf holds so that the program in templates/njs runs. nginx keeps the group, the retries, max_fails,
// max_conns and the backups: the program only says which server of the group a request should go to.

/** Zones of shared memory. A new size or name is an empty zone at a reload: see templates/njs/memory.js. */
const ZONES = [
  ["mesh_numbers_1:4m", "type=number"],
  ["mesh_held_1:1m", "type=number"],
  ["mesh_texts_1:8m", "type=string"],
  ["mesh_leases_1:1m", "type=number", "timeout=60s", "evict"],
  ["mesh_counters_1:4m", "type=number"],
] as const;

/** Some 100 bytes each: 40,000 sessions. When it is full, the one unused for longest goes. */
const SESSION_ZONE = "mesh_sessions_1:4m";

/** Where requests that are refused go; its answer is replaced on its way to the client. */
const REFUSING_SOCKET = "unix:/tmp/mesh-refusing.sock";

/** Route of that server: no node has such a name. The program's word for it is in templates/njs/refusal.js. */
const REFUSING_ROUTE = "~";

/** Set by the program for a request, kept over error pages. */
const VARIABLES = ["mesh_place", "mesh_model", "mesh_refusal", "mesh_watched"] as const;

/** Seconds that a node has to answer a list, and a probe of one token. */
const LIST_SECONDS = 2;
const PROBE_SECONDS = 4;

/** Largest list of models: some 8,000 of them. */
const LIST_MOST = "4m";

/** The module, before all blocks. */
export const njsModule = (): Directive[] => [
  directive("load_module", "modules/ngx_http_js_module.so"),
];

/**
 * For the http block.
 *
 * @param programHash names the program, so that a new one is a new config
 * @param session absent where clients do not stay on a node
 */
export function programSettings(programHash: string, session?: RouterSession): Directive[] {
  return [
    because("njs's own engine lacks much of the language", directive("js_engine", "qjs")),
    because(`program ${programHash}`, directive("js_import", "mesh", "from", PROGRAM)),
    ...ZONES.map(([zone, ...rest]) => directive("js_shared_dict_zone", `zone=${zone}`, ...rest)),
    ...(session
      ? [
          directive(
            "js_shared_dict_zone",
            `zone=${SESSION_ZONE}`,
            "type=string",
            `timeout=${session.seconds}s`,
            "evict",
          ),
        ]
      : []),
    ...VARIABLES.map((name) => directive("js_var", `$${name}`)),
    because(
      "read when a server of the group is picked; in a log it would pick one for requests that need none",
      directive("js_set", "$mesh_route", "mesh.route"),
    ),
    directive("js_set", ENDED, "mesh.ended"),
    refusing(),
    periodic(),
  ];
}

/** Must stand in the log format of every location that leads to the nodes, and that log must be on: it gives places back. */
export const ENDED = "$mesh_ended";

/** For the group, after its method: nginx wraps what it finds. */
export const routedBySticky = (session?: RouterSession): Directive[] => [
  directive(
    "sticky",
    "route",
    "$mesh_route",
    ...(session?.cookie === undefined ? [] : [`$cookie_${session.cookie}`]),
  ),
];

/** The line of our own server in the group: only requests that name its route get there. */
export const refusingServer = (): Directive =>
  directive("server", REFUSING_SOCKET, `route=${REFUSING_ROUTE}`, "drain", "max_fails=0");

/**
 * The node's lines in the group. A backup is there twice: hints are looked up among primaries only, and nginx itself
 * must go on to use it when the others fail.
 *
 * @param line as it is without routing: "server 10.0.0.2:11434 weight=1 ...;"
 */
export function routedServer(line: string, name: string): string {
  const end = line.lastIndexOf(";");
  const plain = line.slice(0, end);
  if (!/ backup( |$)/.test(plain)) return `${plain} route=${name};`;
  return `${plain.replace(" backup", "")} drain route=${name}; ${line}`;
}

/** For each location that leads inference to the nodes. */
export const watched = (): Directive[] => [
  directive("js_header_filter", "mesh.headers"),
  directive("js_body_filter", "mesh.tokens", "buffer_type=buffer"),
];

/** Lists of the whole mesh, in place of the routes that lead to some node. */
export const LISTS = ["/api/tags", "/api/ps", "/v1/models"] as const;

/**
 * Location of such a list.
 *
 * @param checks directives that go before, the check of the method for instance
 */
export const listLocation = (path: (typeof LISTS)[number], checks: Directive[]): Directive =>
  block("location", ["=", path], [...checks, directive("js_content", "mesh.list")]);

/** Location of what is told of one model, and where all lists go until every node has been asked. */
export const modelLocations = (checks: Directive[]): Directive[] => [
  block("location", ["/v1/models/"], [...checks, directive("js_content", "mesh.model")]),
  block("location", ["@mesh_nodes"], [directive("proxy_pass", `http://${UPSTREAM}`)]),
];

/** For the listener of the person who runs the mesh, and for the nodes' own health checks. */
export const pages = (): Directive[] => [
  block("location", ["=", "/metrics"], [directive("js_content", "mesh.metrics")]),
  block("location", ["/verdict/"], [directive("js_content", "mesh.verdicts")]),
];

/** The cookie that names a client's node. */
export const sessionCookie = (
  { cookie, seconds }: RouterSession,
  { secure }: { secure: boolean },
): Directive[] =>
  cookie === undefined
    ? []
    : [
        directive(
          "add_header",
          "Set-Cookie",
          `"${cookie}=$mesh_node; Max-Age=${seconds}; Path=/; HttpOnly; SameSite=Lax${secure ? "; Secure" : ""}"`,
        ),
      ];

/** Answers 200, since any other status might make nginx go on to the nodes; the program gives the answer its own. */
function refusing(): Directive {
  return block(
    "server",
    [],
    [
      directive("listen", REFUSING_SOCKET),
      directive("access_log", "off"),
      directive("client_max_body_size", 0),
      block("location", ["/"], [directive("return", 200, literal("refused"))]),
    ],
  );
}

/**
 * What runs by itself, in one worker. A run that still waits when the next of the same location begins is ended, so
 * every interval is longer than what its run may wait for; the probes take turns for the same reason.
 */
function periodic(): Directive {
  const probes = [0, 1, 2].map((turn) =>
    run(`probe_${turn}`, "mesh.probe", 6000, PROBE_SECONDS, 500 + 1000 * turn),
  );
  return block(
    "server",
    [],
    [
      directive("listen", "unix:/tmp/mesh-periodic.sock"),
      directive("access_log", "off"),
      directive("js_fetch_max_response_buffer_size", LIST_MOST),
      run("tick", "mesh.tick", 1000),
      run("poll", "mesh.poll", 2500, LIST_SECONDS, 400),
      ...probes,
    ],
  );
}

function run(
  name: string,
  handler: string,
  milliseconds: number,
  waitSeconds?: number,
  jitter?: number,
): Directive {
  return block(
    "location",
    [`@mesh_${name}`],
    [
      ...(waitSeconds === undefined ? [] : [directive("js_fetch_timeout", `${waitSeconds}s`)]),
      ...(waitSeconds === LIST_SECONDS ? [directive("js_fetch_keepalive", 4)] : []),
      directive(
        "js_periodic",
        handler,
        `interval=${milliseconds}ms`,
        ...(jitter === undefined ? [] : [`jitter=${jitter}ms`]),
      ),
    ],
  );
}
