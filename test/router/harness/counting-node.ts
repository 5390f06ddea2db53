import { createServer, type Server, type ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { setTimeout as after } from "node:timers/promises";

import { HttpNode } from "../../support/http-node.ts";

/** Tokens of every prompt. */
export const PROMPT_TOKENS = 7;

/** A body that asks for so many tokens. */
interface Asked {
  model: string;
  tokens: number;
  everyMs?: number;
  stream?: boolean;
  stream_options?: { include_usage?: boolean };
}

/** A node that says at the end of an answer what it used, in the way of the API that it was asked by. */
export class CountingNode extends HttpNode {
  readonly models: readonly string[];
  /** Bodies of answers that were written to their end. */
  readonly answers: string[] = [];
  /** Requests for tokens so far, those that failed and the balancer's own probes not. */
  asked = 0;

  constructor(name: string, address: string, models = ["m:latest", "other:latest"]) {
    super({ name, address });
    this.models = models;
  }

  protected override server(): Server {
    return createServer({ keepAliveTimeout: 0 }, (request, response) => {
      void (async () => {
        const url = (request.url ?? "").split("?")[0]!;
        const body = await text(request);
        if (request.method === "GET") {
          response.writeHead(200, { "content-type": "application/json" });
          const models = this.models.map((name) => ({ name, size_vram: 1, size: 1 }));
          response.end(JSON.stringify(url === "/api/version" ? { version: "0" } : { models }));
          return;
        }
        const asked = { tokens: 1, ...(JSON.parse(body) as object) } as Asked & { raw?: boolean };
        if (!asked.raw) this.asked++;
        await this.#answer(url, asked, response);
      })().catch(() => response.destroy());
    });
  }

  async #answer(path: string, asked: Asked, response: ServerResponse): Promise<void> {
    const gone = new AbortController();
    response.on("close", () => gone.abort());
    const { pieces, end, type } = shape(path, asked);
    response.writeHead(200, { "content-type": type });
    let body = "";
    for (const piece of [...pieces, ...end]) {
      response.write(piece);
      body += piece;
      if (asked.everyMs) await after(asked.everyMs, undefined, { signal: gone.signal });
    }
    response.end();
    this.answers.push(body);
  }
}

function shape(path: string, asked: Asked): { pieces: string[]; end: string[]; type: string } {
  const { tokens, stream = true } = asked;
  const openai = { prompt_tokens: PROMPT_TOKENS, completion_tokens: tokens };
  const anthropic = { input_tokens: PROMPT_TOKENS, output_tokens: tokens };
  const sse = (...events: object[]) => events.map((event) => `data: ${JSON.stringify(event)}\n\n`);
  const many = (piece: object) => Array.from({ length: tokens }, () => piece);
  const events = "text/event-stream";
  if (path === "/v1/messages") {
    const start = { type: "message_start", message: { usage: { ...anthropic, output_tokens: 1 } } };
    const end = { type: "message_delta", usage: { output_tokens: tokens } };
    const pieces = sse(start, ...many({ type: "content_block_delta", delta: { text: "é" } }));
    return { pieces, end: sse(end, { type: "message_stop" }), type: events };
  }
  if (path === "/v1/responses") {
    const response = { output: ["x".repeat(9000)], usage: anthropic, tools: [] };
    const end = sse({ type: "response.completed", response });
    return { pieces: sse(...many({ type: "response.output_text.delta" })), end, type: events };
  }
  if (path.startsWith("/v1/")) {
    if (!stream) {
      const answer = JSON.stringify({ choices: ["x".repeat(20_000)], usage: openai });
      return { pieces: [answer], end: [], type: "application/json" };
    }
    const usage = asked.stream_options?.include_usage ? sse({ choices: [], usage: openai }) : [];
    const end = [...usage, "data: [DONE]\n\n"];
    return { pieces: sse(...many({ choices: [{ delta: "x" }] })), end, type: events };
  }
  const done = {
    done: true,
    context: [1, 2],
    prompt_eval_count: PROMPT_TOKENS,
    eval_count: tokens,
  };
  const lines = many({ response: '"eval_count": 9', done: false });
  const ndjson = (all: object[]) => all.map((one) => `${JSON.stringify(one)}\n`);
  return { pieces: ndjson(lines), end: ndjson([done]), type: "application/x-ndjson" };
}
