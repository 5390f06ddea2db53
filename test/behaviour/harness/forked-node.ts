import { fork, type ChildProcess } from "node:child_process";
import { connect, type Socket } from "node:net";
import { join } from "node:path";

import type { Order } from "./node-process.ts";
import type { Answer } from "./toy-answers.ts";
import type { ToyNodeOptions } from "./toy-node.ts";

type OrderText = Order extends infer Each ? (Each extends Order ? Omit<Each, "id"> : never) : never;

/** A toy node that can be killed and frozen like a real one: a process of its own. */
export class ForkedNode implements AsyncDisposable {
  readonly name: string;
  #options: ToyNodeOptions;
  #child: ChildProcess;
  #next = 0;
  readonly #waiting = new Map<number, (result: unknown) => void>();
  readonly #fillers: Socket[] = [];

  private constructor(options: ToyNodeOptions) {
    this.name = options.name;
    this.#options = options;
    this.#child = this.#fork();
  }

  /** Starts a node on a port that the system chose. */
  static async start(options: ToyNodeOptions): Promise<ForkedNode> {
    const node = new ForkedNode(options);
    await node.#listen();
    return node;
  }

  /** Its entry in a mesh's config. */
  get entry() {
    return {
      name: this.name,
      managed: false,
      address: this.#options.address,
      port: this.#options.port!,
    };
  }

  /** How it answers from now on. */
  async answer(answer: Answer): Promise<void> {
    this.#options = { ...this.#options, answer };
    await this.#ask({ order: "answer", answer });
  }

  /** When requests arrived, in milliseconds since the epoch. */
  async arrivals(since = 0): Promise<number[]> {
    return (await this.#ask({ order: "arrivals", since })) as number[];
  }

  /** As kill -9. */
  async kill(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#child.once("exit", () => resolve());
      this.#child.kill("SIGKILL");
    });
  }

  /** Starts again after kill, on the same port; what was counted is lost. */
  async restart(): Promise<void> {
    this.#child = this.#fork();
    await this.#listen();
  }

  /** Stops the process: the kernel still takes connections, nobody answers. */
  freeze(): void {
    this.#child.kill("SIGSTOP");
  }

  /** Freezes it and fills its queue: what comes now is dropped without a word, as by a firewall or a dead host. */
  async drop(): Promise<void> {
    this.freeze();
    const { address: host, port } = this.#options;
    for (let count = 0; count < (this.#options.backlog ?? 511) + 2; count++) {
      const socket = connect({ host, port: port! });
      socket.on("error", () => {});
      this.#fillers.push(socket);
      await new Promise<void>((resolve) => {
        socket.once("connect", () => resolve());
        // The queue is full: this one's packets are dropped already.
        setTimeout(resolve, 100);
      });
    }
  }

  /** Goes on after freeze or drop. */
  thaw(): void {
    for (const socket of this.#fillers.splice(0)) socket.destroy();
    this.#child.kill("SIGCONT");
  }

  [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#fillers.splice(0)) socket.destroy();
    return this.kill();
  }

  #fork(): ChildProcess {
    const child = fork(join(import.meta.dirname, "node-process.ts"), { stdio: "inherit" });
    child.on("message", ({ id, result }: { id: number; result: unknown }) => {
      this.#waiting.get(id)?.(result);
      this.#waiting.delete(id);
    });
    return child;
  }

  async #listen(): Promise<void> {
    const port = (await this.#ask({ order: "start", options: this.#options })) as number;
    this.#options = { ...this.#options, port };
  }

  #ask(order: OrderText): Promise<unknown> {
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, resolve);
      this.#child.send({ ...order, id }, (error) => error && reject(error));
    });
  }
}
