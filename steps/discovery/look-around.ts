import { readFileSync } from "node:fs";
import { runProcess } from "../engine/process.ts";
import { shellOn } from "../hosts/inspect-machine.ts";
import { HOST_ANSWER_SECONDS } from "../limits.ts";

/** A GPU that a machine has. */
export interface FoundGpu {
  vendor: "nvidia" | "amd";
  /** By which a container gets it. */
  index: string;
  /** As its maker calls it; empty where nobody says. */
  name: string;
  memoryGiB?: number;
}

/** An Ollama that runs. */
export interface FoundOllama {
  version: string;
  /** Names of its models. */
  models: string[];
}

/** What a machine has that its Docker engine does not tell. */
export interface Surroundings {
  gpus: FoundGpu[];
  ollama?: FoundOllama;
  /** Folder with models of an Ollama that is or was there. */
  store?: string;
}

const LOOK = readFileSync(new URL("look-around.sh", import.meta.url), "utf8");

/**
 * Looks at the machine of an engine: by ssh, or here where the engine is this machine's own. Never throws.
 *
 * @param machine name of the machine that the engine runs on
 * @param port of Ollama
 * @returns undefined where nobody can log in
 */
export async function lookAround(
  endpoint: string,
  machine: string,
  port: number,
): Promise<Surroundings | undefined> {
  const words = shellOn(endpoint, machine);
  if (!words) return undefined;
  const [program, ...args] = words;
  const asked = { input: `set -- ${port}\n${LOOK}`, timeoutSeconds: HOST_ANSWER_SECONDS };
  const said = await runProcess(program, args, asked).catch(() => undefined);
  return parseSurroundings(said?.stdout ?? "");
}

/** What look-around.sh printed; undefined where a login without a shell, or one that greets, has talked. */
export function parseSurroundings(text: string): Surroundings | undefined {
  const lines = text.split("\n");
  if (!lines.includes("end")) return undefined;
  const after = (word: string) =>
    lines.flatMap((line) => (line.startsWith(`${word} `) ? [line.slice(word.length + 1)] : []));
  const ollama = parseOllama(after("version")[0], after("tags")[0]);
  const store = after("store")[0];
  return {
    gpus: [...after("nvidia").map(nvidiaGpu), ...after("amd").map(amdGpu)],
    ...(ollama ? { ollama } : {}),
    ...(store === undefined ? {} : { store }),
  };
}

/** What an Ollama answered to /api/version and /api/tags; undefined for what is none. */
export function parseOllama(version = "", tags = ""): FoundOllama | undefined {
  try {
    const { version: number } = JSON.parse(version) as { version: unknown };
    const { models = [] } = JSON.parse(tags || "{}") as { models?: { name: string }[] };
    if (typeof number !== "string") return undefined;
    return { version: number, models: models.map(({ name }) => name).sort() };
  } catch {
    return undefined;
  }
}

function nvidiaGpu(line: string): FoundGpu {
  const [index = "", mebibytes, ...name] = line.split(",").map((word) => word.trim());
  return { vendor: "nvidia", index, name: name.join(", "), ...memory(Number(mebibytes) / 1024) };
}

function amdGpu(line: string): FoundGpu {
  const [index = "", bytes] = line.split(" ");
  return { vendor: "amd", index, name: "", ...memory(Number(bytes || NaN) / 1024 ** 3) };
}

const memory = (memoryGiB: number) =>
  Number.isFinite(memoryGiB) ? { memoryGiB: Math.round(memoryGiB) } : {};
