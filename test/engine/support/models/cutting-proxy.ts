import { createServer, connect, type AddressInfo, type Server, type Socket } from "node:net";

/** What happens to a connection through which enough has come. */
export type Cut = "ends" | "breaks" | "falls silent";

/** Stands between a source of models and who copies from it, counts, and cuts one connection in the middle. */
export class CuttingProxy implements AsyncDisposable {
  /** Bytes that came from the source and went on. */
  passed = 0;
  readonly port: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
  }

  /**
   * @param after bytes of all connections together
   * @param done awaited before the cut is seen on the other side
   */
  static async start(
    to: { address: string; port: number },
    after: number,
    cut: Cut,
    done: () => Promise<unknown> = async () => {},
  ): Promise<CuttingProxy> {
    let isCut = false;
    const server = createServer((client) => {
      const source = connect(to.port, to.address);
      for (const socket of [client, source]) {
        proxy.#sockets.add(socket);
        socket.on("error", () => {}).on("close", () => proxy.#sockets.delete(socket));
      }
      client.pipe(source);
      source.on("data", (chunk) => {
        if (isCut || proxy.passed + chunk.length < after) {
          proxy.passed += chunk.length;
          if (!client.write(chunk)) {
            source.pause();
            client.once("drain", () => source.resume());
          }
          return;
        }
        isCut = true;
        source.removeAllListeners("data").removeAllListeners("end").pause();
        const last = chunk.subarray(0, after - proxy.passed);
        proxy.passed += last.length;
        client.write(last, () => {
          void done().then(() => {
            if (cut === "ends") client.end();
            if (cut === "breaks") client.resetAndDestroy();
            if (cut !== "falls silent") source.destroy();
          });
        });
      });
      source.on("end", () => client.end());
      source.on("error", () => client.destroy());
    });
    await new Promise<void>((resolve) => server.listen(0, "0.0.0.0", resolve));
    const proxy = new CuttingProxy(server);
    return proxy;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}
