import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { ApiKeyArgs } from "../../../config/balancer-args.ts";
import type { Known } from "../../../config/mesh-config.ts";
import { USAGE_FOLDER } from "../../../templates/nginx-layout.ts";
import type { MeshUsage, Used } from "../../../templates/status/mesh-usage.ts";
import { until } from "../../../toolchain/until.mjs";
import { Balancer } from "../../behaviour/harness/balancer.ts";
import { ask, type Answered, type Asked } from "../../behaviour/harness/client.ts";
import { bridgeAddress } from "../../behaviour/harness/docker.ts";
import { CountingNode } from "./counting-node.ts";

/** What every key ends in. */
export const SECRET = "of-nobody-else-0001";
/** In every prompt. */
export const PROMPT = "what-nobody-else-may-read";
/** What is not right by then is not going to be. */
export const SETTLED = { seconds: 30 };

/** Somebody's key, and what it may do. */
export type Limits = Omit<Known<ApiKeyArgs>, "name" | "key">;

/** A node, a real nginx in front that asks for keys, and a folder for what they use. */
export class KeyedMesh implements AsyncDisposable {
  readonly node: CountingNode;
  readonly folder: string;
  readonly #keys: Known<ApiKeyArgs>[];
  readonly #image: string;
  readonly #balancers: Balancer[] = [];

  private constructor(
    image: string,
    node: CountingNode,
    folder: string,
    keys: Record<string, Limits>,
  ) {
    this.#image = image;
    this.node = node;
    this.folder = folder;
    this.#keys = Object.entries(keys).map(([name, limits]) => ({
      name,
      key: `${name}-${SECRET}`,
      ...limits,
    }));
  }

  /** Starts them, and waits until nginx knows the node. The first key must be good. */
  static async start(image: string, keys: Record<string, Limits>): Promise<KeyedMesh> {
    const folder = await mkdtemp(join(tmpdir(), "ollama-mesh-usage-"));
    await chmod(folder, 0o777);
    const node = new CountingNode("a", await bridgeAddress());
    await node.listen();
    const mesh = new KeyedMesh(image, node, folder, keys);
    await mesh.another();
    return mesh;
  }

  /** The first nginx. */
  get front(): Balancer {
    return this.#balancers[0]!;
  }

  get config() {
    return {
      nodes: [{ ...this.node.entry, places: 64 }],
      balancer: {
        management: { port: 11500 },
        access: { apiKeys: this.#keys, countTokens: true },
      },
    };
  }

  /** Another nginx with the same folder, which knows the node. */
  async another(): Promise<Balancer> {
    const docker = ["--volume", `${this.folder}:${USAGE_FOLDER}`];
    const balancer = await Balancer.start(this.#image, this.config, { docker });
    this.#balancers.push(balancer);
    const [{ name }] = this.#keys as [Known<ApiKeyArgs>];
    const isKnown = async () =>
      (await this.post(name, "/api/show", {}, {}, balancer)).status === 200;
    await until("the node is known", isKnown, SETTLED);
    return balancer;
  }

  /** Asks by somebody's key. */
  as(name: string, asked: Asked = {}): Asked {
    const headers = { authorization: `Bearer ${name}-${SECRET}`, ...asked.headers };
    return { ...asked, headers };
  }

  /** Posts JSON by somebody's key, for the model m. */
  post(
    name: string,
    path: string,
    body: object,
    asked: Asked = {},
    front = this.front,
  ): Promise<Answered> {
    const text = JSON.stringify({ model: "m", prompt: PROMPT, ...body });
    return ask(`${front.bridgeUrl}${path}`, this.as(name, { body: text, ...asked }));
  }

  /** What nginx says of today. */
  async usage(front = this.front): Promise<MeshUsage> {
    return JSON.parse((await ask(`${front.managementUrl}/usage.json`)).text) as MeshUsage;
  }

  async usedBy(name: string, front = this.front): Promise<Used[]> {
    const { days } = await this.usage(front);
    return Object.values(days)
      .flat()
      .filter((one) => one.key === name);
  }

  /**
   * Waits for what somebody has used, since a client has its answer before nginx has counted it: requests, tokens of
   * prompts and answers, requests that were estimated.
   */
  async used(name: string, right: readonly number[], front = this.front): Promise<void> {
    await until(
      `what ${name} used is ${right.join(", ")}`,
      async () => {
        const [one, ...more] = await this.usedBy(name, front);
        const { requests, promptTokens, answerTokens, estimated } = one ?? {};
        const seen = [requests, promptTokens, answerTokens, estimated];
        return more.length === 0 && JSON.stringify(seen) === JSON.stringify(right);
      },
      SETTLED,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const balancer of this.#balancers) await balancer[Symbol.asyncDispose]();
    await this.node[Symbol.asyncDispose]();
    await rm(this.folder, { recursive: true, force: true });
  }
}
