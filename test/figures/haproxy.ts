import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { until } from "../../toolchain/until.mjs";
import { ask } from "../behaviour/harness/client.ts";
import { bridgeAddress } from "../behaviour/harness/docker.ts";
import type { RoutedNodeUnderTest } from "../router/harness/routed-data.ts";

const PROGRAM = process.env["HAPROXY"] ?? "haproxy";
const START_SECONDS = 10;

/** HAProxy with one queue before all nodes, from which the first that has a place free takes: the best it can do. */
export class HaProxy implements AsyncDisposable {
  readonly bridgeUrl: string;
  readonly #child: ChildProcess;
  readonly #folder: string;

  private constructor(bridgeUrl: string, child: ChildProcess, folder: string) {
    this.bridgeUrl = bridgeUrl;
    this.#child = child;
    this.#folder = folder;
  }

  /**
   * Starts it.
   *
   * @param nodes the fastest first
   * @returns undefined where it is not installed
   */
  static async start(
    nodes: readonly RoutedNodeUnderTest[],
    places: number,
  ): Promise<HaProxy | undefined> {
    const address = await bridgeAddress();
    // Beside the port of its first node, which the system chose: there is no way to ask it for its own.
    const port = (nodes[0]?.port ?? 0) + 1;
    const folder = await mkdtemp(join(tmpdir(), "ollama-mesh-haproxy-"));
    const file = join(folder, "haproxy.cfg");
    await writeFile(file, config(`${address}:${port}`, nodes, places));
    const child = spawn(PROGRAM, ["-db", "-q", "-f", file], { stdio: "inherit" });
    const front = new HaProxy(`http://${address}:${port}`, child, folder);
    try {
      await once(child, "spawn");
    } catch {
      await rm(folder, { recursive: true });
      return undefined;
    }
    const serves = async () => (await ask(`${front.bridgeUrl}/api/version`)).status === 200;
    await until("haproxy that serves", () => serves().catch(() => false), {
      seconds: START_SECONDS,
    });
    return front;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill();
    if (this.#child.exitCode === null) await once(this.#child, "exit");
    await rm(this.#folder, { recursive: true, force: true });
  }
}

const config = (listen: string, nodes: readonly RoutedNodeUnderTest[], places: number) => `
defaults
  mode http
  timeout connect 2s
  timeout client 600s
  timeout server 600s
  timeout queue 600s
  option http-no-delay
frontend front
  bind ${listen}
  default_backend nodes
backend nodes
  balance first
  http-reuse safe
  default-server maxconn ${places}
${nodes.map(({ name, address, port }) => `  server ${name} ${address}:${port}`).join("\n")}
`;
