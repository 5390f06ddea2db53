import { Agent, request, type IncomingHttpHeaders, type RequestOptions } from "node:http";
import { Agent as TlsAgent, request as tlsRequest } from "node:https";

import { until } from "../../../toolchain/until.mjs";
import type { Answer } from "./toy-answers.ts";

/** A request to make. */
export interface Asked {
  method?: string;
  headers?: Record<string, string>;
  body?: string | Buffer;
  /** An agent that keeps connections; without one each request has its own. */
  agent?: Agent;
  /** Certificate that a server with HTTPS is held against. */
  ca?: string;
  /** Ends the request from the client's side. */
  signal?: AbortSignal;
  /** Called with each piece of the answer as it comes. */
  onPiece?: (text: string) => void;
}

/** An answer, with the time of each piece. */
export interface Answered {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
  /** Pieces as they came off the wire, in milliseconds since the request was made. */
  pieces: { text: string; ms: number }[];
  /** Milliseconds from the request to the headers, and to the end. */
  headerMs: number;
  totalMs: number;
}

/** The answer broke off; what had come by then is in `status` and `text`. */
export class BrokenAnswer extends Error {
  readonly status: number | undefined;
  readonly text: string;
  readonly code: string;
  constructor(cause: NodeJS.ErrnoException, status: number | undefined, text: string) {
    super(cause.message, { cause });
    this.name = "BrokenAnswer";
    this.code = cause.code ?? cause.message;
    this.status = status;
    this.text = text;
  }
}

/**
 * Asks over HTTP, or HTTPS by the URL. POST when there is a body, else GET.
 *
 * @throws {BrokenAnswer} when the connection fails, before or within the answer
 */
export function ask(url: string, asked: Asked = {}): Promise<Answered> {
  const started = performance.now();
  const since = () => performance.now() - started;
  const safe = url.startsWith("https:");
  const options: RequestOptions = {
    // Node's own limit is 16 KiB; what passes is the balancer's to say.
    maxHeaderSize: 128 * 1024,
    method: asked.method ?? (asked.body === undefined ? "GET" : "POST"),
    headers: {
      ...(asked.body === undefined
        ? {}
        : {
            "content-type": "application/json",
            "content-length": String(Buffer.byteLength(asked.body)),
          }),
      ...asked.headers,
    },
    agent:
      asked.agent ??
      (safe ? new TlsAgent({ keepAlive: false, ca: asked.ca }) : new Agent({ keepAlive: false })),
    ...(asked.signal ? { signal: asked.signal } : {}),
  };
  return new Promise((resolve, reject) => {
    let status: number | undefined;
    const pieces: Answered["pieces"] = [];
    const text = () => pieces.map((piece) => piece.text).join("");
    const broken = (error: NodeJS.ErrnoException) =>
      reject(new BrokenAnswer(error, status, text()));
    const sent = (safe ? tlsRequest : request)(url, options, (response) => {
      status = response.statusCode!;
      const headerMs = since();
      response.setEncoding("utf8");
      response.on("data", (piece: string) => {
        pieces.push({ text: piece, ms: since() });
        asked.onPiece?.(piece);
      });
      response.on("error", broken);
      response.on("end", () =>
        resolve({
          status: response.statusCode!,
          headers: response.headers,
          text: text(),
          pieces,
          headerMs,
          totalMs: since(),
        }),
      );
    });
    sent.on("error", broken);
    sent.end(asked.body);
  });
}

/**
 * Asks for a stream of which the node makes each token when the one before has come: however busy the machine is, two
 * come together only where one was kept back, and then none comes any more.
 *
 * @throws {Error} where a token does not come
 */
export async function askOneByOne(
  url: string,
  node: { answer: Answer },
  tokens: { count: number; format?: "ndjson" | "sse" },
  asked: Asked,
): Promise<Answered> {
  let come = 0;
  const stuck = Promise.withResolvers<never>();
  const paced = (made: number) =>
    until(`token ${made} at the client`, async () => come === made, { seconds: 30 }).catch(
      stuck.reject,
    );
  node.answer = { kind: "tokens", everyMs: 0, ...tokens, paced };
  return Promise.race([ask(url, { ...asked, onPiece: () => void come++ }), stuck.promise]);
}

/** A chat as clients send it. */
export const CHAT = { body: JSON.stringify({ model: "toy", messages: [] }) } as const;

/** Asks `count` times, one after the other, and counts the answers by a property of theirs. */
export async function tally(
  url: string,
  count: number,
  by: (answer: Answered) => string,
  asked: Asked | ((index: number) => Asked) = CHAT,
): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (let index = 0; index < count; index++) {
    const key = by(await ask(url, typeof asked === "function" ? asked(index) : asked));
    counts[key] = (counts[key] ?? 0) + 1;
  }
  return counts;
}

/** The node that answered, by the balancer's header. */
export const nodeOf = ({ headers }: Answered) => String(headers["x-mesh-node"] ?? "");
