import pMap from "p-map";
import { OLLAMA_PORT } from "../../config/defaults.ts";
import type { FoundOllama } from "../../steps/discovery/look-around.ts";
import { isOpen, ollamaAt } from "./ask-address.ts";

/** sshd's port. */
const SSH_PORT = 22;

/** A range of 254 addresses with nothing in it takes 16 s so. */
const ADDRESSES_AT_ONCE = 32;

/** An address at which an Ollama answers. */
export interface FoundAddress {
  address: string;
  ollama: FoundOllama;
}

/** What answers in a range of addresses: the machines with an sshd, and the Ollamas of those without. */
export async function askRange(
  addresses: readonly string[],
  user: string | undefined,
): Promise<{ endpoints: string[]; ollamas: FoundAddress[] }> {
  const found = await pMap(
    addresses,
    async (address) => ({
      address,
      ssh: await isOpen(address, SSH_PORT),
      ollama: await ollamaAt(address, OLLAMA_PORT),
    }),
    { concurrency: ADDRESSES_AT_ONCE },
  );
  return {
    endpoints: found.flatMap(({ address, ssh }) =>
      ssh ? [`ssh://${user === undefined ? "" : `${user}@`}${address}`] : [],
    ),
    ollamas: found.flatMap(({ address, ssh, ollama }) =>
      ollama && !ssh ? [{ address, ollama }] : [],
    ),
  };
}
