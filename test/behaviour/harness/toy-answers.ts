import type { IncomingMessage, ServerResponse } from "node:http";
import { setTimeout as after } from "node:timers/promises";
import { TLSSocket } from "node:tls";

/** How a toy node answers. Plain data, but for `paced`, so that it can be sent to a process of its own. */
export type Answer =
  /** 200 with `body`, after `silentMs` without a byte. */
  | { kind: "ok"; silentMs?: number; body?: string; headers?: Record<string, string> }
  /** One token each `everyMs`, as NDJSON or SSE; with `breakAfter` the connection is reset after so many. */
  | {
      kind: "tokens";
      count: number;
      everyMs: number;
      format?: "ndjson" | "sse";
      silentMs?: number;
      breakAfter?: number;
      /** Awaited before each token but the first, with the number of those before. */
      paced?: (made: number) => Promise<unknown>;
    }
  /** A status at once, for instance 500, 503, 404 or 307 with a Location. */
  | { kind: "status"; status: number; headers?: Record<string, string>; body?: string }
  /** What arrived, as JSON: method, url, headers, bytes of body. */
  | { kind: "echo" }
  /** Reads the request and never answers. */
  | { kind: "hang" }
  /** Resets the connection once the request is there, before any byte of an answer. */
  | { kind: "reset"; silentMs?: number }
  /** Sends the headers and resets the connection. */
  | { kind: "reset-after-headers" };

/** A request as a node saw it. */
export interface SeenRequest {
  method: string;
  url: string;
  headers: IncomingMessage["headers"];
  /** Bytes of the body that arrived. */
  bytes: number;
  /** The first thousand characters of it. */
  body: string;
  /** Milliseconds since the epoch. */
  at: number;
  /** When the body was complete. */
  completeAt?: number;
  /** When the client went away before the answer was complete. */
  abortedAt?: number;
}

const MEDIA = { ndjson: "application/x-ndjson", sse: "text/event-stream" } as const;

/** The text of token number `index`. */
export const tokenText = (format: "ndjson" | "sse", index: number) =>
  format === "ndjson"
    ? `${JSON.stringify({ response: `token ${index}`, done: false })}\n`
    : `data: ${JSON.stringify({ delta: `token ${index}` })}\n\n`;

/** Gives an answer; ends early when the client goes away. */
export async function give(
  answer: Answer,
  seen: SeenRequest,
  response: ServerResponse,
  gone: AbortSignal,
): Promise<void> {
  const silent = "silentMs" in answer ? answer.silentMs : undefined;
  if (silent) await after(silent, undefined, { signal: gone });
  switch (answer.kind) {
    case "ok":
      response.writeHead(200, { "content-type": "application/json", ...answer.headers });
      response.end(answer.body ?? '{"done":true}');
      return;
    case "status":
      response.writeHead(answer.status, { "content-type": "application/json", ...answer.headers });
      response.end(answer.body ?? JSON.stringify({ error: `the node says ${answer.status}` }));
      return;
    case "echo": {
      const { method, url, headers, bytes } = seen;
      response.writeHead(200, { "content-type": "application/json" });
      response.end(JSON.stringify({ method, url, headers, bytes }));
      return;
    }
    case "hang":
      return;
    case "reset":
      reset(response);
      return;
    case "reset-after-headers":
      response.writeHead(200, { "content-type": MEDIA.ndjson });
      response.flushHeaders();
      response.write(tokenText("ndjson", 0), () => reset(response));
      return;
    case "tokens":
      await stream(answer, response, gone);
  }
}

/** Drops the connection; what lies under TLS can't be reset from here. */
function reset({ socket }: ServerResponse): void {
  if (socket instanceof TLSSocket) socket.destroy();
  else socket?.resetAndDestroy();
}

async function stream(
  answer: Extract<Answer, { kind: "tokens" }>,
  response: ServerResponse,
  gone: AbortSignal,
): Promise<void> {
  const format = answer.format ?? "ndjson";
  response.writeHead(200, { "content-type": MEDIA[format] });
  for (let index = 0; index < answer.count; index++) {
    if (index === answer.breakAfter) {
      reset(response);
      return;
    }
    if (index > 0) {
      await after(answer.everyMs, undefined, { signal: gone });
      await answer.paced?.(index);
    }
    response.write(tokenText(format, index));
  }
  response.end();
}
