import { until } from "../../../toolchain/until.mjs";
import { Balancer } from "../../behaviour/harness/balancer.ts";
import { ask, nodeOf, type Answered, type Asked } from "../../behaviour/harness/client.ts";
import { bridgeAddress } from "../../behaviour/harness/docker.ts";
import { ForkedModelNode } from "./forked-model-node.ts";
import { ModelNode, type ModelNodeOptions } from "./model-node.ts";
import { besideConf, type RoutedNodeUnderTest, type RoutedOptions } from "./routed-data.ts";

/** Seconds until every node has been asked, and what a busy machine adds. */
const KNOWN_SECONDS = 60;

/** Nodes with models, and a real nginx in front that knows them. */
export class RoutedMesh<N extends RoutedNodeUnderTest = ModelNode> implements AsyncDisposable {
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

  static async #before<N extends RoutedNodeUnderTest>(
    image: string,
    nodes: readonly N[],
    options: RoutedOptions,
  ): Promise<RoutedMesh<N>> {
    let balancer: Balancer | undefined;
    try {
      balancer = await Balancer.start(image, config(nodes, options), {
        beside: (files) => besideConf(files, options),
        ...(options.docker ? { docker: options.docker } : {}),
        ...(options.files ? { files: options.files } : {}),
      });
      const mesh = new RoutedMesh(nodes, balancer, options);
      if (!options.unknown) await mesh.known();
      return mesh;
    } catch (error) {
      await balancer?.[Symbol.asyncDispose]();
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
    const { text } = await ask(`${this.balancer.managementUrl}/verdict/${name}`);
    return text.trim().split(" ")[0]!;
  }

  /** Serves anew with the same config, with some nodes of it. */
  reload(nodes: readonly N[] = this.nodes): Promise<void> {
    return this.balancer.reload(config(nodes, this.#options));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.balancer[Symbol.asyncDispose]();
    await Promise.all(this.nodes.map((node) => node[Symbol.asyncDispose]()));
  }
}

/** Names in an answer of /api/tags. */
export const names = (text: string): string[] =>
  (JSON.parse(text) as { models: { name: string }[] }).models.map(({ name }) => name);

const config = (nodes: readonly RoutedNodeUnderTest[], { balancer = {} }: RoutedOptions) => ({
  nodes: nodes.map(({ entry, places }) => ({ ...entry, places })),
  balancer: { management: { port: 11500 }, ...balancer },
});
