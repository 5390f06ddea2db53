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
import { until } from "../../support/until.ts";
import { Balancer, type BalancerOptions } from "./balancer.ts";
import { ask, nodeOf, type Answered, type Asked } from "./client.ts";
import { bridgeAddress } from "./docker.ts";
import { ForkedModelNode } from "./forked-model-node.ts";
import { ModelNode, type ModelNodeOptions } from "./model-node.ts";

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
interface Node extends AsyncDisposable {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly places: number;
  readonly models: readonly string[];
  readonly entry: object;
}

/** Seconds until every node has been asked, and what a busy machine adds. */
const KNOWN_SECONDS = 30;

/** Nodes with models, and a real nginx in front that knows them. */
export class RoutedMesh<N extends Node = ModelNode> implements AsyncDisposable {
  readonly nodes: readonly N[];
  readonly balancer: Balancer;
  readonly #options: RoutedOptions;
  private constructor(nodes: readonly N[], balancer: Balancer, options: RoutedOptions) {
    this.nodes = nodes;
    this.balancer = balancer;
    this.#options = options;
  }

  /** Starts both, and waits until the balancer knows every node. */
  static async start(
    image: string,
    nodes: readonly Omit<ModelNodeOptions, "address">[],
    options: RoutedOptions = {},
  ): Promise<RoutedMesh> {
    const address = await bridgeAddress();
    const started = await Promise.all(nodes.map((one) => ModelNode.start({ ...one, address })));
    return RoutedMesh.#before(image, started, options);
  }

  /** The same with each node in a process of its own. */
  static async startForked(
    image: string,
    nodes: readonly Omit<ModelNodeOptions, "address">[],
    options: RoutedOptions = {},
  ): Promise<RoutedMesh<ForkedModelNode>> {
    const address = await bridgeAddress();
    const started = await Promise.all(
      nodes.map((one) => ForkedModelNode.start({ ...one, address })),
    );
    return RoutedMesh.#before(image, started, options);
  }

  static async #before<N extends Node>(
    image: string,
    nodes: readonly N[],
    options: RoutedOptions,
  ): Promise<RoutedMesh<N>> {
    try {
      const balancer = await Balancer.start(image, config(nodes, options), {
        edit: (conf) => routed(conf, nodes, options),
        files: programFiles(nodes, options),
        ...(options.docker ? { docker: options.docker } : {}),
      });
      const mesh = new RoutedMesh(nodes, balancer, options);
      if (!options.unknown) await mesh.known();
      return mesh;
    } catch (error) {
      await Promise.all(nodes.map((node) => node[Symbol.asyncDispose]()));
      throw error;
    }
  }

  /** Waits until every node has been asked. */
  async known(): Promise<void> {
    await until(
      "list of the whole mesh",
      async () => {
        const answer = await ask(`${this.balancer.url}/api/tags`);
        const union = new Set(this.nodes.flatMap(({ models }) => models));
        // Until then it is the list of one node.
        return nodeOf(answer) === "" && names(answer.text).length === union.size;
      },
      { seconds: KNOWN_SECONDS },
    );
  }

  node(name: string): N {
    const found = this.nodes.find((node) => node.name === name);
    if (!found) throw new Error(`no node ${name}`);
    return found;
  }

  /** Asks for tokens of a model. */
  chat(
    model: string,
    { tokens = 1, ...asked }: Asked & { tokens?: number } = {},
  ): Promise<Answered> {
    return this.post("/api/chat", { model, messages: [{ content: `n=${tokens}` }] }, asked);
  }

  /** Posts JSON to the front. */
  post(path: string, body: object, asked: Asked = {}): Promise<Answered> {
    return ask(`${this.balancer.url}${path}`, { body: JSON.stringify(body), ...asked });
  }

  /** Values of /metrics, by metric with its labels. */
  async metrics(): Promise<Map<string, number>> {
    const { text } = await ask(`${this.balancer.managementUrl}/metrics`);
    const lines = text.split("\n").filter((line) => line && !line.startsWith("#"));
    return new Map(
      lines.map((line) => {
        const cut = line.lastIndexOf(" ");
        return [line.slice(0, cut), Number(line.slice(cut + 1))];
      }),
    );
  }

  /** Requests at each node by the balancer's count. */
  async inFlight(): Promise<Record<string, number>> {
    const all = await this.metrics();
    return Object.fromEntries(
      this.nodes.map(({ name }) => [name, all.get(`mesh_node_in_flight{node="${name}"}`) ?? NaN]),
    );
  }

  /** The balancer's verdict on a node. */
  async verdict(name: string): Promise<string> {
    return (await ask(`${this.balancer.managementUrl}/verdict/${name}`)).text.trim();
  }

  /** Serves anew with the same config. */
  reload(): Promise<void> {
    return this.balancer.reload(config(this.nodes, this.#options));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.balancer[Symbol.asyncDispose]();
    await Promise.all(this.nodes.map((node) => node[Symbol.asyncDispose]()));
  }
}

/** Names in an answer of /api/tags. */
export const names = (text: string): string[] =>
  (JSON.parse(text) as { models: { name: string }[] }).models.map(({ name }) => name);

const config = (nodes: readonly Node[], { balancer = {} }: RoutedOptions) => ({
  nodes: nodes.map(({ entry }) => entry),
  balancer: { management: { port: 11500 }, ...balancer },
});

/** What lies beside nginx.conf; there by path from the config folder, where the harness writes files. */
function programFiles(
  nodes: readonly Node[],
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
function routed(conf: string, nodes: readonly Node[], { data = {} }: RoutedOptions): string {
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
