import type { Server } from "node:http";
import type { Socket } from "node:net";

import { freePort } from "../engine/support/port.ts";

/** Where a node listens. */
export interface HttpNodeOptions {
  name: string;
  /** Address to listen on: one that the balancer's container reaches. */
  address: string;
  /** Default one that nobody else is given while this process runs, so that it is free when the node was dead. */
  port?: number;
}

/** A server behind the balancer that can die and listen again on the port it had. */
export abstract class HttpNode implements AsyncDisposable {
  readonly name: string;
  readonly address: string;
  /** Connections accepted so far. */
  connections = 0;
  #port: number;
  #server: Server | undefined;
  readonly #sockets = new Set<Socket>();

  protected constructor({ name, address, port = 0 }: HttpNodeOptions) {
    this.name = name;
    this.address = address;
    this.#port = port;
  }

  /** A server that does not listen yet. */
  protected abstract server(): Server;

  /** Connections that wait to be accepted. */
  protected backlog(): number {
    return 511;
  }

  get port(): number {
    return this.#port;
  }

  /** Its entry in a mesh's config. */
  get entry() {
    return { name: this.name, managed: false, address: this.address, port: this.#port };
  }

  /** Listens, again on the port it had. */
  async listen(): Promise<void> {
    this.#port ||= await freePort();
    const server = this.server();
    server.on("connection", (socket: Socket) => {
      this.connections++;
      this.#sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => this.#sockets.delete(socket));
    });
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen({ port: this.#port, host: this.address, backlog: this.backlog() }, resolve);
    });
    this.#server = server;
  }

  /** As after kill -9: the port is closed, every connection is reset. */
  async die(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    for (const socket of this.#sockets) socket.resetAndDestroy();
    if (server) await new Promise<void>((resolve) => server.close(() => resolve()));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.die();
  }
}
