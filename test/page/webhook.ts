import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

import { bridgeAddress } from "../behaviour/harness/docker.ts";

/** An alert, as a Prometheus or an Alertmanager tells of it. */
export interface Alert {
  labels: Record<string, string>;
  /** Prometheus's word. */
  state?: string;
  /** Alertmanager's. */
  status?: string;
}

/** A server that keeps what an Alertmanager posts. */
export class Webhook implements AsyncDisposable {
  readonly #server: Server;
  /** What it was told so far. */
  readonly told: Alert[] = [];
  /** For the containers of this machine's engine. */
  readonly url: string;

  private constructor(server: Server, url: string) {
    this.#server = server;
    this.url = url;
    server.on("request", (request, response) => {
      let text = "";
      request.setEncoding("utf8").on("data", (more: string) => (text += more));
      request.on("end", () => {
        this.told.push(...(JSON.parse(text) as { alerts: Alert[] }).alerts);
        response.end();
      });
    });
  }

  static async start(): Promise<Webhook> {
    const server = createServer().listen(0, "0.0.0.0");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    return new Webhook(server, `http://${await bridgeAddress()}:${port}/`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}
