import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

import type { ModelNodeOptions } from "./model-node.ts";

/** A node with models that can be frozen and killed like a real one: a process of its own. */
export class ForkedModelNode implements AsyncDisposable {
  readonly name: string;
  readonly models: readonly string[];
  readonly address: string;
  readonly places: number;
  #options: ModelNodeOptions;
  #child: ChildProcess | undefined;

  private constructor(options: ModelNodeOptions) {
    this.#options = options;
    this.name = options.name;
    this.models = options.models;
    this.address = options.address;
    this.places = options.places ?? 4;
  }

  static async start(options: ModelNodeOptions): Promise<ForkedModelNode> {
    const node = new ForkedModelNode(options);
    await node.listen();
    return node;
  }

  get port(): number {
    return this.#options.port!;
  }

  /** Its entry in a mesh's config. */
  get entry() {
    return { name: this.name, managed: false, address: this.address, port: this.port };
  }

  /** Starts it, again on the port it had. */
  async listen(): Promise<void> {
    const child = fork(join(import.meta.dirname, "model-node-process.ts"), { stdio: "inherit" });
    this.#child = child;
    child.send(this.#options);
    const [port] = (await once(child, "message")) as [number];
    this.#options = { ...this.#options, port };
  }

  /** Stops the process: the kernel still takes connections, nobody answers. */
  freeze(): void {
    this.#child?.kill("SIGSTOP");
  }

  /** Goes on after freeze. */
  thaw(): void {
    this.#child?.kill("SIGCONT");
  }

  /** As kill -9. */
  async die(): Promise<void> {
    const child = this.#child;
    if (!child) return;
    this.#child = undefined;
    child.kill("SIGKILL");
    await once(child, "exit");
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.die();
  }
}
