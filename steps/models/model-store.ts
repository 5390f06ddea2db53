import { readFileSync } from "node:fs";
import { dockerEngine } from "../engine/docker-engine.ts";
import { STORE_SECONDS } from "../limits.ts";

/** Where Ollama's containers have the volume. */
export const OLLAMA_FOLDER = "/root/.ollama";

/** Where Ollama keeps models in it. */
export const MODELS_FOLDER = `${OLLAMA_FOLDER}/models`;

/** The models of one host. */
export interface ModelStoreRef {
  endpoint: string;
  /** An Ollama image that the engine has. */
  image: string;
  volume: string;
  /** Folder of the host where the models lie; absent where they are in the volume. */
  modelsPath?: string;
  /** Where other hosts reach it; without one only what goes through this machine can be copied. */
  address?: string;
}

/** A part of a model: sha256-… and its size in bytes. */
export interface Blob {
  file: string;
  size: number;
}

/** A model as a store holds it. */
export interface StoredModel {
  manifest: string;
  blobs: Blob[];
}

/**
 * A model's name as Ollama lists it: without scheme, with a tag, and without the registry and the namespace that it
 * adds by itself. Source: Ollama, types/model/name.go, DisplayShortest.
 */
export function canonicalModel(name: string): string {
  const bare = name
    .replace(/^https?:\/\//i, "")
    .replace(/^registry\.ollama\.ai\//i, "")
    .replace(/^library\/(?=[^/]+$)/i, "");
  return bare.lastIndexOf(":") > bare.lastIndexOf("/") ? bare : `${bare}:latest`;
}

/** What two spellings of one model have in common: Ollama looks at no capitals. Source: as above, EqualFold. */
export const modelKey = (name: string): string => canonicalModel(name).toLowerCase();

/** Path of a model's manifest below the folder `manifests`, by its full name. Source: Ollama, types/model/name.go. */
export function manifestPath(fullName: string): string {
  const at = fullName.lastIndexOf(":");
  const parts = fullName.slice(0, at).split("/");
  const name = parts.pop()!;
  const namespace = parts.pop() ?? "library";
  const host = parts.join("/") || "registry.ollama.ai";
  return [host, namespace, name, fullName.slice(at + 1)].join("/");
}

/** The parts that a manifest names. Source: Ollama, manifest/manifest.go. */
export function blobsOf(manifest: string): Blob[] {
  const { config, layers } = JSON.parse(manifest) as {
    config: { digest: string; size: number };
    layers: { digest: string; size: number }[];
  };
  const parts = new Map(
    [...layers, config].flatMap(({ digest, size }) =>
      /^sha256:[0-9a-f]{64}$/.test(digest) ? [[digest.replace(":", "-"), size] as const] : [],
    ),
  );
  return [...parts].map(([file, size]) => ({ file, size }));
}

const SHOW = readFileSync(new URL("show-model.sh", import.meta.url), "utf8");

/** What docker is told to show what a store has of a model. */
export const showArgs = (store: ModelStoreRef, fullName: string): string[] => [
  ...["run", "--rm", "--pull", "never", "--network", "none"],
  ...readOnly(store),
  ...[store.image, "-c", SHOW, "sh", manifestPath(fullName)],
];

/**
 * Looks into the store of a host, without a container of Ollama's.
 *
 * @returns the model when the host has all of it; undefined when not, or when the host cannot be asked
 */
export async function storedModel(
  store: ModelStoreRef,
  fullName: string,
): Promise<StoredModel | undefined> {
  const { docker } = dockerEngine(store.endpoint);
  const asked = { timeoutSeconds: STORE_SECONDS };
  try {
    // Mounting a volume makes it, which is not ours to do.
    await docker(["volume", "inspect", store.volume], asked);
    const text = await docker(showArgs(store, fullName), asked);
    const [manifest = "", ...lines] = text.trimEnd().split("\n");
    const there = new Set(lines);
    const blobs = blobsOf(manifest);
    return blobs.every(({ file, size }) => there.has(`${file} ${size}`))
      ? { manifest, blobs }
      : undefined;
  } catch {
    return undefined;
  }
}

/** Arguments of `docker run` for a shell that may only read a store. */
export const readOnly = (store: ModelStoreRef) => [
  ...["--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--read-only"],
  ...mounts(store, ":ro"),
  ...["--workdir", MODELS_FOLDER, "--entrypoint", "sh"],
];

/** The volume, and a folder over its part for the models: that may belong to anybody, and what it holds, too. */
export const mounts = (
  { volume, modelsPath }: Pick<ModelStoreRef, "volume" | "modelsPath">,
  mode: "" | ":ro",
): string[] => [
  ...["--volume", `${volume}:${OLLAMA_FOLDER}${mode}`],
  ...(modelsPath === undefined
    ? []
    : ["--volume", `${modelsPath}:${MODELS_FOLDER}${mode}`, "--cap-add", "DAC_OVERRIDE"]),
];
