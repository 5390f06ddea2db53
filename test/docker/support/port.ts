import { createServer, type AddressInfo, type Server } from "node:net";

/** Listens on a free port of 127.0.0.1; whoever closes the server frees it. */
export async function heldPort(): Promise<{ port: number; server: Server } & AsyncDisposable> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.on("error", reject).listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  const close = () => new Promise<void>((resolve) => server.close(() => resolve()));
  return { port, server, [Symbol.asyncDispose]: close };
}

/** A port of 127.0.0.1 that was free a moment ago. */
export async function freePort(): Promise<number> {
  const held = await heldPort();
  await held[Symbol.asyncDispose]();
  return held.port;
}
