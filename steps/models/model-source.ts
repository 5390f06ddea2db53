import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import { Readable } from "node:stream";
import { dockerEngine } from "../engine/docker-engine.ts";
import type { StartedProcess } from "../engine/process.ts";
import { MODELS_FOLDER, readOnly, type ModelStoreRef } from "./model-store.ts";
import { START_SECONDS } from "../limits.ts";
import { StepError } from "../step-error.ts";

/** Inside its container only: of the host it gets a free one. */
const PORT = 4000;

const SERVER = readFileSync(new URL("serve-parts.pl", import.meta.url), "utf8");

/** What hands out parts of models, until it is closed. */
export interface ModelSource {
  /** For people. */
  readonly name: string;
  /** Where other hosts get them; none for a host whose address is not known. */
  readonly listener?: { address: string; port: number; token: string };
  /** A part from an offset on, as this machine gets it. */
  read(file: string, offset: number): Readable;
  close(): Promise<void>;
}

/**
 * What docker is told to start the server: on a free port of the host's LAN address, where that is known; of all its
 * addresses where a name is. It may read the models, and nothing else.
 */
export function sourceArgs(store: ModelStoreRef, name: string): string[] {
  const { address, image } = store;
  const ip = address && isIP(address) ? address : "0.0.0.0";
  const publish = address ? ["--publish", `${isIP(ip) === 6 ? `[${ip}]` : ip}::${PORT}`] : [];
  return [
    ...["run", "--rm", "--interactive", "--pull", "never", "--name", name],
    ...[...publish, ...readOnly(store)],
    ...[image, "-c", 'exec perl -e "$0" "$@"', SERVER, String(PORT)],
  ];
}

/** What docker is told to read a part from an offset on. */
export const partArgs = (container: string, file: string, offset: number): string[] => [
  ...["exec", "--workdir", MODELS_FOLDER, container],
  ...["tail", "-c", `+${offset + 1}`, `blobs/${file}`],
];

/** Starts a read-only server for the models of a host, on a free port of its LAN address. */
export async function openSource(store: ModelStoreRef, container: string): Promise<ModelSource> {
  const { docker, start, endpoint } = dockerEngine(store.endpoint);
  const name = `${container}.source-${randomBytes(4).toString("hex")}`;
  const token = randomBytes(16).toString("hex");
  const { address } = store;
  const server = start(sourceArgs(store, name));
  const close = async () => {
    server.stdin.end();
    await server.ended;
  };
  server.stdin.write(`${token}\n`);
  try {
    await ready(server, endpoint);
    const read = (file: string, offset: number) => readOf(endpoint, name, file, offset);
    const source = { name: endpoint, read, close };
    if (!address) return source;
    const bound = await docker(["port", name, `${PORT}/tcp`]);
    const port = Number(/:(\d+)$/m.exec(bound)?.[1]);
    return { ...source, listener: { address, port, token } };
  } catch (error) {
    await close();
    throw error;
  }
}

/** A part, through the engine of its host. */
function readOf(endpoint: string, container: string, file: string, offset: number): Readable {
  const tail = partArgs(container, file, offset);
  const reader = dockerEngine(endpoint).start(tail, { input: "", stderr: "shown" });
  async function* chunks() {
    try {
      yield* reader.stdout as AsyncIterable<Buffer>;
      const { code } = await reader.ended;
      if (code !== 0) throw new StepError(`the connection to ${endpoint} broke`);
    } finally {
      reader.kill();
    }
  }
  return Readable.from(chunks(), { objectMode: false });
}

/** Waits until the server says its one line. */
async function ready(server: StartedProcess, endpoint: string): Promise<void> {
  let why = "";
  const timer = setTimeout(() => {
    why = `no answer in ${START_SECONDS} s`;
    server.kill();
  }, START_SECONDS * 1000);
  const { done } = await server.lines().next();
  clearTimeout(timer);
  if (!done) return;
  const { stderr } = await server.ended;
  throw new StepError(
    `${endpoint} cannot hand out its models: ${(why || stderr.trim()).slice(0, 300)}; mend that, and run pulumi up again`,
  );
}
