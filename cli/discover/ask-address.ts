import { connect } from "node:net";
import { hostPort } from "../../config/net/host-port.ts";
import { parseOllama, type FoundOllama } from "../../steps/discovery/look-around.ts";

/** On a LAN an answer takes a millisecond; a machine that is off gives none. */
const ANSWER_MS = 2000;

/** Whether something takes connections at a port. */
export function isOpen(address: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port, timeout: ANSWER_MS });
    const end = (open: boolean) => {
      socket.destroy();
      resolve(open);
    };
    socket.once("connect", () => end(true));
    socket.once("timeout", () => end(false));
    socket.once("error", () => end(false));
  });
}

/** The Ollama that answers at an address, over the network as a balancer would ask it; undefined for none. */
export async function ollamaAt(address: string, port: number): Promise<FoundOllama | undefined> {
  const get = async (path: string) => {
    const signal = AbortSignal.timeout(ANSWER_MS);
    const response = await fetch(`http://${hostPort(address, port)}${path}`, { signal });
    return response.text();
  };
  try {
    return parseOllama(await get("/api/version"), await get("/api/tags"));
  } catch {
    return undefined;
  }
}
