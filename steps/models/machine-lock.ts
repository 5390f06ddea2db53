import { createHash } from "node:crypto";
import { connect, createServer, type Server, type Socket } from "node:net";

/** Below the ports that systems hand out by themselves. */
const FIRST_PORT = 20_000;
const PORTS = 10_000;
/** How long whoever holds a port may take to say what for; it is another program then. */
const GREETING_MS = 2_000;

/**
 * Runs work while no other step on this machine runs work of the same name. The lock is a port of the
 * loopback: the system frees it however its holder ends, on every kind of system.
 */
export async function withMachineLock<T>(name: string, work: () => Promise<T>): Promise<T> {
  const digest = createHash("sha256").update(name).digest();
  const greeting = `ollama-mesh ${digest.toString("hex")}\n`;
  let port = FIRST_PORT + (digest.readUInt32BE() % PORTS);
  let server: Server | undefined;
  while (!(server = await held(port, greeting))) {
    if ((await waitedFor(port, greeting)) === "another program") port++;
  }
  try {
    return await work();
  } finally {
    server.close();
    for (const socket of WAITING.get(server) ?? []) socket.destroy();
  }
}

/** Those who wait for a lock that this process holds: they are woken by being hung up on. */
const WAITING = new WeakMap<Server, Set<Socket>>();

function held(port: number, greeting: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on("error", () => {}).on("close", () => sockets.delete(socket));
      socket.write(greeting);
    });
    WAITING.set(server, sockets);
    server.on("error", (error: NodeJS.ErrnoException) =>
      error.code === "EADDRINUSE" ? resolve(undefined) : reject(error),
    );
    server.listen({ port, host: "127.0.0.1", exclusive: true }, () => resolve(server));
  });
}

/** Waits until the holder of a port is done; or finds out that it is none of us. */
function waitedFor(port: number, greeting: string): Promise<"done" | "another program"> {
  return new Promise((resolve) => {
    let heard = "";
    const socket = connect(port, "127.0.0.1");
    const end = () => {
      clearTimeout(timer);
      resolve(heard === "" || heard === greeting ? "done" : "another program");
    };
    const timer = setTimeout(() => {
      if (heard === greeting) return;
      socket.destroy();
      resolve("another program");
    }, GREETING_MS);
    socket.setEncoding("utf8").on("data", (chunk: string) => {
      if (heard.length < greeting.length) heard += chunk;
      if (heard === greeting) clearTimeout(timer);
      else if (!greeting.startsWith(heard)) socket.destroy();
    });
    socket.on("error", () => {}).on("close", end);
  });
}
