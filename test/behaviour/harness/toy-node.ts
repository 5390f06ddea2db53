import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { Socket } from "node:net";

import type { TestCertificate } from "./certificate.ts";
import { HttpNode, type HttpNodeOptions } from "../../support/http-node.ts";
import { give, type Answer, type SeenRequest } from "./toy-answers.ts";

/** What a toy node may be told beyond its answer. */
export interface ToyNodeOptions extends HttpNodeOptions {
  answer?: Answer;
  /** Connections that wait to be accepted. */
  backlog?: number;
  /** Speaks HTTPS with this certificate. */
  tls?: TestCertificate;
}

const WEBSOCKET_MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** A server behind the balancer that does as it is told, counts and records. */
export class ToyNode extends HttpNode {
  /** Every request, in the order of arrival. */
  readonly requests: SeenRequest[] = [];
  /** How it answers from now on. */
  answer: Answer;
  /** Overrides the answer by path, without the query. */
  readonly byPath: Record<string, Answer> = {};
  /** Requests that it has not answered completely. */
  inFlight = 0;
  mostInFlight = 0;
  readonly #backlog: number;
  readonly #tls: TestCertificate | undefined;

  private constructor(options: ToyNodeOptions) {
    super(options);
    this.answer = options.answer ?? { kind: "ok" };
    this.#backlog = options.backlog ?? 511;
    this.#tls = options.tls;
  }

  /** A node that listens. */
  static async start(options: ToyNodeOptions): Promise<ToyNode> {
    const node = new ToyNode(options);
    await node.listen();
    return node;
  }

  protected override server(): Server {
    const times = { keepAliveTimeout: 0, requestTimeout: 0, maxHeaderSize: 128 * 1024 };
    const server: Server = this.#tls
      ? createTlsServer({ ...times, cert: this.#tls.certificate, key: this.#tls.key })
      : createServer(times);
    server.on("request", (request, response) => void this.#serve(request, response));
    server.on("upgrade", (request, socket) => this.#upgrade(request, socket as Socket));
    return server;
  }

  protected override backlog(): number {
    return this.#backlog;
  }

  /** Requests for a path, all when none is given. */
  count(path?: string): number {
    if (path === undefined) return this.requests.length;
    return this.requests.filter(({ url }) => url.split("?")[0] === path).length;
  }

  /** Forgets what was counted. */
  forget(): void {
    this.requests.length = 0;
    this.connections = 0;
    this.mostInFlight = this.inFlight;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // The balancer's own questions are no client's, and toys know no models: nginx goes on as it would without the program.
    if (request.headers["user-agent"] === "ollama-mesh") {
      response.writeHead(404).end();
      return;
    }
    const seen: SeenRequest = {
      method: request.method ?? "",
      url: request.url ?? "",
      headers: request.headers,
      bytes: 0,
      body: "",
      at: Date.now(),
    };
    this.requests.push(seen);
    this.mostInFlight = Math.max(this.mostInFlight, ++this.inFlight);
    const gone = new AbortController();
    response.on("close", () => {
      this.inFlight--;
      if (!response.writableFinished) seen.abortedAt = Date.now();
      gone.abort();
    });
    try {
      for await (const chunk of request as AsyncIterable<Buffer>) {
        seen.bytes += chunk.length;
        if (seen.body.length < 1000) seen.body += chunk.toString("utf8", 0, 1000);
      }
      seen.completeAt = Date.now();
      const path = seen.url.split("?")[0]!;
      await give(this.byPath[path] ?? this.answer, seen, response, gone.signal);
    } catch {
      // The client went away, which is recorded, or the toy was told to die.
    }
  }

  /** Accepts a WebSocket and sends back whatever comes, byte by byte as it is. */
  #upgrade(request: IncomingMessage, socket: Socket): void {
    const { method = "", url = "", headers } = request;
    this.requests.push({ method, url, headers, bytes: 0, body: "", at: Date.now() });
    const key = createHash("sha1").update(`${headers["sec-websocket-key"]}${WEBSOCKET_MAGIC}`);
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: ${headers.upgrade}\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${key.digest("base64")}\r\n\r\n`,
    );
    socket.pipe(socket);
  }
}
