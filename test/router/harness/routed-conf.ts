import type { BalancerArgs } from "../../../config/balancer-args.ts";
import type { Known } from "../../../config/mesh-config.ts";
import { INFERENCE } from "../../../config/routes.ts";
import { print, type Directive } from "../../../templates/directive.ts";
import {
  ENDED,
  LISTS,
  listLocation,
  modelLocations,
  njsModule,
  pages,
  programSettings,
  refusingServer,
  routedBySticky,
  routedServer,
  sessionCookie,
  watched,
} from "../../../templates/njs-conf.ts";
import { dataFile, njsProgram, programHash } from "../../../templates/njs-program.ts";
import type { RoutedNode, RouterData } from "../../../templates/router-data.ts";
import type { BalancerOptions } from "../../behaviour/harness/balancer.ts";

/** What a test may set beyond the nodes. */
export interface RoutedOptions extends Pick<BalancerOptions, "docker"> {
  data?: Partial<RouterData>;
  /** Of nodes by name: what the program is told of them. */
  told?: Readonly<Record<string, Partial<RoutedNode>>>;
  balancer?: Known<BalancerArgs>;
  /** Files of the program that take the place of the real ones. */
  program?: Readonly<Record<string, string>>;
  /** Does not wait until the balancer knows the nodes. */
  unknown?: true;
}

/** What the balancer needs to know of a node. */
export interface RoutedNodeUnderTest extends AsyncDisposable {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly places: number;
  readonly models: readonly string[];
  readonly entry: object;
}

/** What lies beside nginx.conf; there by path from the config folder, where the harness writes files. */
export function programFiles(
  nodes: readonly RoutedNodeUnderTest[],
  { data = {}, told = {}, program = {} }: RoutedOptions,
): Record<string, string> {
  const all: RouterData = {
    nodes: nodes.map(({ name, address, port, places }) => ({
      name,
      kind: "ollama",
      url: `http://${address}:${port}`,
      places,
      ...told[name],
    })),
    choice: "earliest",
    judged: true,
    longestWaitSeconds: 60,
    waitingPerPlace: 64,
    loadSeconds: 20,
    ...data,
  };
  const files = { ...njsProgram(), ...program, ...dataFile(all) };
  return Object.fromEntries(
    Object.entries(files).map(([name, content]) => [`program/${name}`, content]),
  );
}

const lines = (directives: Directive[], depth: number) => print(directives, depth);

/** The rendered config with the program in it. */
export function routed(
  conf: string,
  nodes: readonly RoutedNodeUnderTest[],
  { data = {} }: RoutedOptions,
): string {
  const session = data.session;
  const inference = Object.keys(INFERENCE);
  let text = lines(njsModule(), 0) + conf;
  const put = (from: string | RegExp, to: string) => {
    const next = text.replace(from, () => to);
    if (next === text) throw new Error(`the config has no ${from}`);
    text = next;
  };
  const hash = programHash(njsProgram());
  put(
    "http {\n",
    `http {\n    js_path /etc/nginx/mesh/program;\n${lines(programSettings(hash, session), 1)}`,
  );
  put(/ {4}map \$mesh_small_body \$mesh_model \{[\s\S]*?\n {4}\}\n/, "");
  put(`"request_id":`, `"refused":"${ENDED}","request_id":`);
  put("        least_conn;\n", `        least_conn;\n${lines(routedBySticky(session), 2)}`);
  put("        keepalive ", `${lines([refusingServer()], 2)}        keepalive `);
  for (const { name, address, port } of nodes) {
    const line = new RegExp(`server ${address}:${port} .*;`).exec(text)?.[0] ?? "";
    put(line, routedServer(line, name));
  }
  for (const path of inference) {
    const pass = `            proxy_pass http://ollama${path};\n`;
    put(pass, `${lines(watched(), 3)}${pass}`);
  }
  for (const path of LISTS) {
    put(
      new RegExp(`        location = ${path} \\{[\\s\\S]*?\\n        \\}\\n`),
      lines([listLocation(path, [])], 2),
    );
  }
  put(/ {8}location \/v1\/models\/ \{[\s\S]*?\n {8}\}\n/, lines(modelLocations([]), 2));
  const health = "        location = /healthz {\n            return 200";
  put(health, `${lines(pages(), 2)}${health}`);
  if (session?.cookie !== undefined)
    put(
      "        add_header X-Mesh-Node",
      `${lines(sessionCookie(session, { secure: false }), 2)}        add_header X-Mesh-Node`,
    );
  return text;
}
