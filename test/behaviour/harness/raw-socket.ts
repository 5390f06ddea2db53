import { connect, type Socket } from "node:net";

import { until } from "../../../toolchain/until.mjs";

/** How a client asks for a WebSocket. */
export const WEB_SOCKET =
  "GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

/** A connection on which a test writes what it wants, byte by byte. */
export class RawSocket implements Disposable {
  /** All that came. */
  received = "";
  closed = false;
  readonly #socket: Socket;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding("latin1").on("data", (text: string) => (this.received += text));
    socket.on("error", () => {});
    socket.on("close", () => (this.closed = true));
  }

  /** Connects to the host and port of a URL. */
  static open(url: string): Promise<RawSocket> {
    const { hostname, port } = new URL(url);
    return new Promise((resolve, reject) => {
      const socket = connect({ host: hostname, port: Number(port) });
      socket.once("error", reject);
      socket.once("connect", () => resolve(new RawSocket(socket)));
    });
  }

  write(text: string): void {
    this.#socket.write(text, "latin1");
  }

  /** Waits for a text among what comes. */
  async expect(text: string, seconds = 30): Promise<void> {
    await until(
      `${JSON.stringify(text)} in ${JSON.stringify(this.received)}`,
      async () => this.received.includes(text),
      { seconds },
    );
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }
}
