// Clients that use connections otherwise than chat(): a new one for each request, or one for all by HTTP/2.
import { get } from "node:http";
import { get as getTls } from "node:https";
import { connect, type ClientHttp2Session } from "node:http2";

import { type Ask, complaint, type Outcome, questionOf } from "../../engine/support/load.ts";

/** A GET on a connection of its own; good is status 200. */
export function askOnce(url: string, path: string): Promise<Outcome> {
  const outcome = begun();
  return new Promise((resolve) => {
    const end = (what?: string) => {
      outcome.ended ||= performance.now();
      if (what !== undefined) outcome.failure ??= { when: "before the first byte", what };
      resolve(outcome);
    };
    // A test's certificate is nobody's.
    const options = { agent: false as const, timeout: 30_000, rejectUnauthorized: false };
    const sent = (url.startsWith("https:") ? getTls : get)(`${url}${path}`, options, (answer) => {
      outcome.status = answer.statusCode;
      outcome.firstByte = performance.now();
      answer.setEncoding("utf8").on("data", (chunk: string) => (outcome.body += chunk));
      answer.on("error", (error) => end(error.message));
      // Which part of the balancer refused it is told by the text alone.
      answer.on("end", () =>
        end(answer.statusCode === 200 ? undefined : `status ${answer.statusCode} ${outcome.body}`),
      );
    });
    sent.on("timeout", () => sent.destroy(new Error("no answer within 30 s")));
    sent.on("error", (error) => end(error.message));
  });
}

/** A client with one HTTP/2 connection, which it makes anew when the server says goodbye, as browsers do. */
export class Http2Client {
  #session: ClientHttp2Session | undefined;

  /** Asks as chat() does. */
  chat(ask: Ask): Promise<Outcome> {
    const outcome = begun();
    return new Promise((resolve) => {
      let deadline: NodeJS.Timeout | undefined;
      const end = (what?: string) => {
        clearTimeout(deadline);
        outcome.ended ||= performance.now();
        const seen = outcome.firstByte !== undefined && outcome.status === 200;
        if (what !== undefined) {
          outcome.failure ??= { when: seen ? "in the stream" : "before the first byte", what };
        }
        resolve(outcome);
      };
      const stream = this.#connected(ask.url).request({
        ":method": "POST",
        ":path": "/api/chat",
        "content-type": "application/json",
        ...ask.headers,
      });
      stream.on("response", (headers) => {
        outcome.status = headers[":status"];
        outcome.node = String(headers["x-mesh-node"] ?? "");
      });
      stream.setEncoding("utf8").on("data", (chunk: string) => {
        outcome.firstByte ??= performance.now();
        outcome.body += chunk;
      });
      stream.on("error", (error) => end(error.message));
      stream.on("close", () => end(complaint(outcome)));
      if (ask.deadlineSeconds !== undefined) {
        deadline = setTimeout(() => stream.destroy(new Error("late")), ask.deadlineSeconds * 1000);
      }
      stream.end(questionOf(ask));
    });
  }

  close(): void {
    this.#session?.close();
  }

  #connected(url: string): ClientHttp2Session {
    const session = this.#session;
    if (session && !session.closed && !session.destroyed) return session;
    const made = connect(url, { rejectUnauthorized: false });
    const forget = () => {
      if (this.#session === made) this.#session = undefined;
    };
    // What was asked on it fails by itself; after a goodbye the streams that are open go on.
    made.on("error", forget).on("goaway", forget).on("close", forget);
    return (this.#session = made);
  }
}

const begun = (): Outcome => ({
  node: "",
  status: undefined,
  began: performance.now(),
  firstByte: undefined,
  ended: 0,
  body: "",
});
