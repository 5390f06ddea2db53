import { createReadStream } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import type { ModelSource } from "./model-source.ts";
import { blobsOf, manifestPath, type StoredModel } from "./model-store.ts";

/** Where an Ollama of this machine keeps its models: one's own, and the service that its installer makes on Linux. */
const folders = () => [
  process.env["OLLAMA_MODELS"] || join(homedir(), ".ollama", "models"),
  "/usr/share/ollama/.ollama/models",
];

/** A model of the machine that runs pulumi, where it has all of it. */
export async function ownModel(
  fullName: string,
): Promise<{ source: ModelSource; stored: StoredModel } | undefined> {
  for (const folder of folders()) {
    try {
      const manifest = await readFile(join(folder, "manifests", manifestPath(fullName)), "utf8");
      const blobs = blobsOf(manifest);
      const found = await Promise.all(blobs.map(({ file }) => stat(join(folder, "blobs", file))));
      if (found.every((each, i) => each.size === blobs[i]!.size)) {
        return { source: folderSource(folder), stored: { manifest, blobs } };
      }
    } catch {
      // no such model there, or not ours to read
    }
  }
  return undefined;
}

const folderSource = (folder: string): ModelSource => ({
  name: `${folder} of this machine`,
  read: (file, offset) => createReadStream(join(folder, "blobs", file), { start: offset }),
  close: () => Promise.resolve(),
});
