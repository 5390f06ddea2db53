// The test's end of the load generator.
import { fork, type ChildProcess } from "node:child_process";
import { join } from "node:path";

import { until } from "../../../toolchain/until.mjs";
import type { FromLoad, LiveOutcome, LoadOrder, ToLoad } from "./load-process.ts";

const PROGRAM = join(import.meta.dirname, "load-process.ts");

/** Clients that ask until they are stopped. */
export class LiveLoad implements AsyncDisposable {
  /** Every request that ended, in the order of their ends. */
  readonly outcomes: LiveOutcome[] = [];
  readonly #child: ChildProcess;
  readonly #closed: Promise<void>;
  #complete = false;

  private constructor(order: LoadOrder) {
    this.#child = fork(PROGRAM, { execArgv: [], stdio: ["ignore", "inherit", "inherit", "ipc"] });
    this.#child.on("message", (message: FromLoad) => {
      if (message === "all ended") this.#complete = true;
      else this.outcomes.push(...message.ended);
    });
    this.#closed = new Promise((resolve, reject) => {
      this.#child.on("error", reject);
      this.#child.on("close", () => resolve());
    });
    this.#closed.catch(() => {});
    this.#tell({ begin: order });
  }

  /** Starts the clients and waits until each group of them was answered, right or wrong. */
  static async start(order: LoadOrder): Promise<LiveLoad> {
    const load = new LiveLoad(order);
    await load.more(order.groups.length);
    return load;
  }

  /** Waits for so many further ends. */
  async more(count: number, seconds = 120): Promise<void> {
    const target = this.outcomes.length + count;
    await until(`${count} more answers`, async () => this.outcomes.length >= target, { seconds });
  }

  /** Lets the requests in flight end, and gives all outcomes. */
  async stop(): Promise<LiveOutcome[]> {
    this.#tell("stop");
    await this.#closed;
    if (!this.#complete) throw new Error("the load generator died: its outcomes are not complete");
    return this.outcomes;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#closed;
  }

  #tell(message: ToLoad): void {
    if (this.#child.connected) this.#child.send(message);
  }
}
