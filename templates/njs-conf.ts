import { VERDICT_PATH } from "../config/routes.ts";
import type { BalancerPlan } from "../plan/balancer-plan.ts";
import { type Directive, because, block, directive } from "./directive.ts";
import { VERDICT_PORT } from "./nginx-layout.ts";
import { PROGRAM, REQUESTS_PROGRAM } from "./njs-program.ts";
import { REFUSING_SOCKET } from "./nodes/routed-group.ts";
import type { RouterSession } from "./router-data.ts";
import { literal } from "./words.ts";

// What nginx.conf holds so that the program in templates/njs runs. nginx keeps the group, the retries, max_fails,
// max_conns and the backups: the program only says which server of the group a request should go to.

/** Zones of shared memory. A new size or name is an empty zone at a reload: see templates/njs/memory.js. */
const ZONES = [
  ["mesh_numbers_1:4m", "type=number"],
  ["mesh_held_1:1m", "type=number"],
  ["mesh_texts_1:8m", "type=string"],
  ["mesh_leases_1:1m", "type=number", "timeout=60s", "evict"],
  ["mesh_counters_2:4m", "type=number"],
  ["mesh_history_1:1m", "type=string"],
] as const;

/** Some 100 bytes each: 40,000 sessions. When it is full, the one unused for longest goes. */
const SESSION_ZONE = "mesh_sessions_1:4m";

/** Some 100 bytes for each number: four for each key and model of a day, and of the day before until it is written. */
const USAGE_ZONE = "mesh_usage_1:4m";

/** Set by the program for a request, kept over error pages. */
const VARIABLES = ["mesh_place", "mesh_model", "mesh_refusal"] as const;

/** Seconds that a node has to answer a list, and a probe of one token. */
const LIST_SECONDS = 2;
const PROBE_SECONDS = 4;
/** The same for one that is gone: a node that is back answers at once. */
const GONE_SECONDS = 1;

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
 * @param counts whether what API keys use is counted
 */
export function programSettings(
  programHash: string,
  session: RouterSession | undefined,
  counts: boolean,
): Directive[] {
  return [
    because("njs's own engine lacks much of the language", directive("js_engine", "qjs")),
    because(`program ${programHash}`, directive("js_import", "requests", "from", REQUESTS_PROGRAM)),
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
    ...(counts
      ? [
          directive("js_shared_dict_zone", `zone=${USAGE_ZONE}`, "type=number"),
          directive("js_var", "$mesh_counted"),
        ]
      : []),
    ...VARIABLES.map((name) => directive("js_var", `$${name}`)),
    because(
      "read when a server of the group is picked; in a log it would pick one for requests that need none",
      directive("js_set", "$mesh_route", "requests.route"),
    ),
    directive("js_set", ENDED, "requests.ended"),
  ];
}

/** For servers beside the front: the part of the program that no client's request needs. */
export const wholeProgram = (): Directive => directive("js_import", "mesh", "from", PROGRAM);

/** Servers that only nginx itself and the nodes ask. */
export const programServers = (balancer: BalancerPlan): Directive[] => [
  refusing(),
  periodic(),
  verdictListener(balancer),
];

/** Must stand in the log format of every location that leads to the nodes, and that log must be on: it gives places back. */
export const ENDED = "$mesh_ended";

/** For the health checks of nodes in the mesh network. */
const verdictListener = ({ scraper }: BalancerPlan): Directive =>
  block(
    "server",
    [],
    [
      directive("listen", VERDICT_PORT, "reuseport"),
      directive("access_log", "off"),
      block("location", [VERDICT_PATH], [directive("js_content", "requests.verdicts")]),
      ...(scraper === undefined ? [] : countersFor(scraper)),
      block("location", ["/"], [directive("return", 404)]),
    ],
  );

/** For the Prometheus of the mesh, in its network. */
const countersFor = (scraper: string): Directive[] => [
  wholeProgram(),
  block(
    "location",
    ["=", "/metrics"],
    [
      directive("allow", scraper),
      directive("deny", "all"),
      directive("js_content", "mesh.metrics"),
    ],
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
      wholeProgram(),
      directive("access_log", "off"),
      directive("js_fetch_max_response_buffer_size", LIST_MOST),
      run("tick", "mesh.tick", 1000),
      run("poll", "mesh.poll", 2500, LIST_SECONDS, 400),
      run("poll_gone", "mesh.pollGone", 1200, GONE_SECONDS),
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
