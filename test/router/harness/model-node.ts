import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { setTimeout as after } from "node:timers/promises";

import { HttpNode, type HttpNodeOptions } from "../../support/http-node.ts";

/** What a node is to be. */
export interface ModelNodeOptions extends HttpNodeOptions {
  /** On disk. */
  models: readonly string[];
  /** In memory; default all. */
  loaded?: readonly string[];
  /** Requests answered at the same time; the others wait in order, as in Ollama. */
  places?: number;
  /** Milliseconds between two tokens. */
  everyMs?: number;
  /** Milliseconds that it takes to load a model. */
  loadMs?: number;
}

/**
 * What is wrong with it: wedged answers lists and no tokens; silent takes every request and answers none, lists
 * included; broken and unavailable answer every inference at once, with 500 and 503; reset ends its connection.
 */
export type Fault = "none" | "wedged" | "silent" | "broken" | "unavailable" | "reset";

/** A request for tokens, as the node saw it. */
export interface ModelRequest {
  model: string;
  at: number;
  /** Whether it was answered to its end. */
  complete: boolean;
}

/**
 * A node with models, as Ollama behaves towards a balancer: it lists what it has, says 404 to what it has not, loads
 * what is not in memory, and lets wait what is more than its places. A prompt "n=16" is for 16 tokens.
 */
export class ModelNode extends HttpNode {
  /** Requests for tokens, in the order of arrival. */
  readonly requests: ModelRequest[] = [];
  /** Models on disk, and in memory; may be changed. */
  models: string[];
  loaded: string[];
  everyMs: number;
  fault: Fault = "none";
  /** The one model that is wedged while the others are not. */
  wedged: string | undefined;
  /** Tokens of an answer that it may give so far. */
  allowed = Infinity;
  /** Probes by the balancer. */
  probes = 0;
  /** Share of a loaded model that is in GPU memory. */
  gpuShare = 1;
  readonly #places: number;
  readonly #loadMs: number;
  readonly #waiting: (() => void)[] = [];
  #busy = 0;

  private constructor(options: ModelNodeOptions) {
    super(options);
    this.models = [...options.models];
    this.loaded = [...(options.loaded ?? options.models)];
    this.everyMs = options.everyMs ?? 0;
    this.#places = options.places ?? 4;
    this.#loadMs = options.loadMs ?? 0;
  }

  static async start(options: ModelNodeOptions): Promise<ModelNode> {
    const node = new ModelNode(options);
    await node.listen();
    return node;
  }

  get places(): number {
    return this.#places;
  }

  protected override server(): Server {
    return createServer({ keepAliveTimeout: 0 }, (request, response) => {
      this.#serve(request, response).catch(() => response.destroy());
    });
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [path = ""] = (request.url ?? "").split("?");
    const body = await text(request);
    while (this.fault === "silent" && !response.destroyed) await after(20);
    if (path === "/api/version") return json(response, { version: "0.32.15" });
    if (path === "/api/tags") return json(response, { models: this.models.map(tag) });
    if (path === "/v1/models") {
      return json(response, { object: "list", data: this.models.map((id) => ({ id })) });
    }
    if (path === "/api/ps") {
      const entries = this.loaded.map((name) => ({
        ...tag(name),
        expires_at: "2027-01-01T00:00:00Z",
        size_vram: 1000 * this.gpuShare,
      }));
      return json(response, { models: entries });
    }
    if (request.method !== "POST") return json(response, { error: "not found" }, 404);
    const asked = parsed(body);
    if (!asked) return json(response, { error: "invalid request" }, 400);
    const model = asked.model.includes(":") ? asked.model : `${asked.model}:latest`;
    if (!this.models.includes(model)) {
      return json(response, { error: `model '${asked.model}' not found` }, 404);
    }
    if (path === "/api/show") return json(response, { details: { family: this.name } });
    if (asked.raw) this.probes++;
    await this.#infer({ model, at: Date.now(), complete: false }, body, response);
  }

  async #infer(seen: ModelRequest, body: string, response: ServerResponse): Promise<void> {
    this.requests.push(seen);
    const gone = new AbortController();
    response.on("close", () => gone.abort());
    while (this.#isWedged(seen.model) && !gone.signal.aborted) await after(20);
    if (gone.signal.aborted) return;
    if (this.fault === "broken") return json(response, { error: "the runner has died" }, 500);
    if (this.fault === "unavailable") return json(response, { error: "server busy" }, 503);
    if (this.fault === "reset") {
      response.socket?.resetAndDestroy();
      return;
    }
    if (this.#busy >= this.#places) await new Promise<void>((go) => this.#waiting.push(go));
    else this.#busy++;
    try {
      if (!this.loaded.includes(seen.model)) {
        await after(this.#loadMs, undefined, { signal: gone.signal });
        this.loaded.push(seen.model);
      }
      await this.#stream(seen, Number(/n=(\d+)/.exec(body)?.[1] ?? 1), response, gone.signal);
      seen.complete = true;
    } catch {
      // The client has left.
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#busy--;
    }
  }

  /** Its runner gives no token. */
  #isWedged(model: string): boolean {
    return this.fault === "wedged" || this.wedged === model;
  }

  async #stream(
    { model }: ModelRequest,
    count: number,
    response: ServerResponse,
    gone: AbortSignal,
  ): Promise<void> {
    response.writeHead(200, { "content-type": "application/x-ndjson" });
    let due = performance.now();
    for (let index = 0; index < count; index++) {
      // By the clock, not one timer after the other: a late one must not make the node slower than it is said to be.
      due += this.everyMs;
      const wait = due - performance.now();
      if (wait > 0.5) await after(wait, undefined, { signal: gone });
      while (this.#isWedged(model) && !gone.aborted) await after(20);
      while (index >= this.allowed && !gone.aborted) await after(5);
      gone.throwIfAborted();
      response.write(`${JSON.stringify({ node: this.name, response: "token", done: false })}\n`);
    }
    response.end(`${JSON.stringify({ node: this.name, done: true })}\n`);
  }
}

function parsed(body: string): { model: string; raw?: boolean } | undefined {
  try {
    const asked = JSON.parse(body) as { model?: string; raw?: boolean };
    return { model: "", ...asked };
  } catch {
    return undefined;
  }
}

const tag = (name: string) => ({
  name,
  model: name,
  modified_at: "2026-01-01T00:00:00Z",
  size: 1000,
  digest: "0".repeat(64),
  details: { family: "llama" },
});

function json(response: ServerResponse, body: unknown, status = 200): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}
