import { connect } from "node:net";

const GIVE_UP_MS = 30_000;

/**
 * Writes bytes as they are and reads until the other side closes. What is sent must make it do so
 * ("Connection: close", HTTP/1.0, or something it refuses); else this fails after half a minute.
 */
export function raw(url: string, text: string): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname);
    let answer = "";
    socket.setEncoding("latin1");
    socket.setTimeout(GIVE_UP_MS, () => socket.destroy(new Error(`no end after ${answer}`)));
    socket.on("data", (piece: string) => (answer += piece));
    socket.on("error", (error: NodeJS.ErrnoException) => {
      // What it had not read when it closed makes a reset of the end.
      if (error.code === "ECONNRESET" || error.code === "EPIPE") resolve(answer);
      else reject(error);
    });
    socket.on("end", () => resolve(answer));
    socket.write(text, "latin1");
  });
}

/** The status of each answer in what raw() read, in order. */
export const statuses = (answer: string) =>
  [...answer.matchAll(/HTTP\/1\.[01] (\d{3}) /g)].map(([, status]) => Number(status));
