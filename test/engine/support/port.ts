import { createSocket } from "node:dgram";
import { createServer, type AddressInfo, type Server } from "node:net";
import { promisify } from "node:util";

/** Listens on a port of 127.0.0.1, by default a free one; whoever closes the server frees it. */
export async function heldPort(
  wanted = 0,
): Promise<{ port: number; server: Server } & AsyncDisposable> {
  const server = await listening(wanted, "127.0.0.1");
  const { port } = server.address() as AddressInfo;
  return { port, server, [Symbol.asyncDispose]: promisify(server.close.bind(server)) };
}

// Below those that Linux (from 32768) and macOS (from 49152) give to outgoing connections: of these a
// test once lost one between asking for it and the start of its balancer.
const FIRST = 20_000;
const COUNT = 12_000;

/** A port that is free on every address, and given to nobody else who asks here while this process runs. */
export async function freePort(): Promise<number> {
  const start = Math.floor(Math.random() * COUNT);
  for (let step = 0; step < COUNT; step++) {
    const port = FIRST + ((start + step) % COUNT);
    if ((await claimed(port)) && (await isFree(port))) return port;
  }
  throw new Error(`no port from ${FIRST} to ${FIRST + COUNT - 1} is free`);
}

/** UDP's port of the same number is the claim: no test wants it, and the kernel frees it however the process ends. */
async function claimed(port: number): Promise<boolean> {
  const claim = createSocket("udp4");
  try {
    await new Promise<void>((resolve, reject) => {
      claim.on("error", reject).bind({ port, address: "127.0.0.1", exclusive: true }, resolve);
    });
  } catch {
    claim.close();
    return false;
  }
  claim.unref();
  return true;
}

async function isFree(port: number): Promise<boolean> {
  try {
    const server = await listening(port, "0.0.0.0");
    await promisify(server.close.bind(server))();
    return true;
  } catch {
    return false;
  }
}

async function listening(port: number, address: string): Promise<Server> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.on("error", reject).listen({ port, host: address, exclusive: true }, resolve);
  });
  return server;
}
