import type { BalancerArgs } from "../../../config/balancer-args.ts";
import type { NodeArgs } from "../../../config/node-args.ts";
import type { Known } from "../../../config/mesh-config.ts";
import { Balancer, type BalancerOptions } from "./balancer.ts";
import { bridgeAddress } from "./docker.ts";
import { ToyNode } from "./toy-node.ts";

/** Toy nodes and the nginx in front of them. */
export class ToyMesh implements AsyncDisposable {
  readonly nodes: readonly ToyNode[];
  readonly balancer: Balancer;
  private constructor(nodes: readonly ToyNode[], balancer: Balancer) {
    this.nodes = nodes;
    this.balancer = balancer;
  }

  /**
   * Starts nodes of these names and a balancer in front.
   *
   * @param settings of the nodes by name, over their addresses
   */
  static async start(
    image: string,
    names: readonly string[],
    balancer: Known<BalancerArgs> = {},
    {
      settings = {},
      ...options
    }: BalancerOptions & { settings?: Readonly<Record<string, Partial<NodeArgs>>> } = {},
  ): Promise<ToyMesh> {
    const address = await bridgeAddress();
    const nodes = await Promise.all(names.map((name) => ToyNode.start({ name, address })));
    try {
      const entries = nodes.map((node) => ({ ...node.entry, ...settings[node.name] }));
      const front = await Balancer.start(image, { nodes: entries, balancer }, options);
      return new ToyMesh(nodes, front);
    } catch (error) {
      await Promise.all(nodes.map((node) => node.die()));
      throw error;
    }
  }

  /** Serves with other settings, without a restart; `only` leaves the other nodes out. Counts begin anew. */
  async reload(
    balancer: Known<BalancerArgs>,
    settings: Readonly<Record<string, Partial<NodeArgs>>> = {},
    { only, edit }: { only?: readonly string[]; edit?: (conf: string) => string } = {},
  ): Promise<void> {
    const nodes = this.nodes
      .filter(({ name }) => only?.includes(name) ?? true)
      .map((node) => ({ ...node.entry, ...settings[node.name] }));
    await this.balancer.reload({ nodes, balancer }, edit);
    for (const node of this.nodes) node.forget();
  }

  /** The node of a name. */
  node(name: string): ToyNode {
    const found = this.nodes.find((node) => node.name === name);
    if (!found) throw new Error(`no toy node ${name}`);
    return found;
  }

  /** Requests by node, for a path when one is given. */
  counts(path?: string): Record<string, number> {
    return Object.fromEntries(this.nodes.map((node) => [node.name, node.count(path)]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.balancer[Symbol.asyncDispose]();
    await Promise.all(this.nodes.map((node) => node.die()));
  }
}
