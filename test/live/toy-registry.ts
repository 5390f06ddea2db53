// A registry of models: what a node of the lab has, under another name, and models of nothing but size.
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readFile, rm, stat } from "node:fs/promises";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";

import { run } from "../../toolchain/command.mjs";
import { bridgeAddress } from "../behaviour/harness/docker.ts";
import { ownFolder } from "../engine/support/leftovers.ts";

/** A registry that the engine's containers reach. */
export interface ToyRegistry {
  /** Full name of a model of the image, as stack config has it. */
  model(name: string): string;
  /** Full name of a model of ZEROS bytes of nothing. */
  zeros: string;
  close(): Promise<void>;
}

/** Any unknown blob is so large. */
const ZEROS = 256 * 1024 ** 2;
const DIGEST = /sha256:[0-9a-f]{64}/;

/** Serves the models that an Ollama image holds. */
export async function toyRegistry(image: string): Promise<ToyRegistry> {
  const folder = await ownFolder("toy-registry");
  const container = (await run("docker", ["create", image])).trim();
  try {
    await run("docker", ["cp", `${container}:/root/.ollama/models`, folder]);
  } finally {
    await run("docker", ["rm", container]);
  }
  const models = join(folder, "models");
  const server = createServer((request, response) => {
    const [, name, kind, what] = /^\/v2\/library\/([\w.-]+)\/(manifests|blobs)\/(.+)$/.exec(
      request.url ?? "",
    ) ?? [null, "", "", ""];
    const answered =
      kind === "manifests"
        ? giveManifest(models, name, response)
        : kind === "blobs"
          ? giveBlob(models, what, request.method === "HEAD", request.headers.range, response)
          : Promise.reject(new Error("no such route"));
    answered.catch(() => response.writeHead(404).end('{"errors":[{"code":"MANIFEST_UNKNOWN"}]}'));
  });
  await new Promise<void>((resolve) => server.listen(0, "0.0.0.0", resolve));
  const host = `${await bridgeAddress()}:${(server.address() as AddressInfo).port}`;
  return {
    model: (name) => `http://${host}/library/${name}`,
    zeros: `http://${host}/library/zeros`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function giveManifest(models: string, name: string, response: ServerResponse): Promise<void> {
  const file = join(models, "manifests/registry.ollama.ai/library", name, "latest");
  const text = name === "zeros" ? zerosManifest() : await readFile(file);
  const type = "application/vnd.docker.distribution.manifest.v2+json";
  response.writeHead(200, { "content-type": type }).end(text);
}

/** The digest is wrong, which Ollama would find out once it has it all. */
function zerosManifest(): string {
  const digest = `sha256:${createHash("sha256").update("zeros").digest("hex")}`;
  const layer = { mediaType: "application/vnd.ollama.image.model", digest, size: ZEROS };
  return JSON.stringify({
    schemaVersion: 2,
    mediaType: "application/vnd.docker.distribution.manifest.v2+json",
    config: { ...layer, mediaType: "application/vnd.docker.container.image.v1+json" },
    layers: [layer],
  });
}

async function giveBlob(
  models: string,
  digest: string,
  head: boolean,
  range: string | undefined,
  response: ServerResponse,
): Promise<void> {
  if (!DIGEST.test(digest)) throw new Error("no digest");
  const file = join(models, "blobs", digest.replace(":", "-"));
  const size = await stat(file).then(
    (found) => found.size,
    () => ZEROS,
  );
  const isFile = size !== ZEROS;
  const [, from = "0", to = String(size - 1)] = /^bytes=(\d+)-(\d*)$/.exec(range ?? "") ?? [];
  const start = Number(from);
  const end = Math.min(Number(to || size - 1), size - 1);
  response.writeHead(range ? 206 : 200, {
    "content-length": end - start + 1,
    "content-range": `bytes ${start}-${end}/${size}`,
    "accept-ranges": "bytes",
  });
  if (head) response.end();
  else if (isFile) createReadStream(file, { start, end }).pipe(response);
  else giveZeros(end - start + 1, response);
}

function giveZeros(left: number, response: ServerResponse): void {
  const piece = Buffer.alloc(64 * 1024);
  const more = () => {
    while (left > 0) {
      const next = Math.min(left, piece.length);
      left -= next;
      if (!response.write(piece.subarray(0, next))) return void response.once("drain", more);
    }
    response.end();
  };
  more();
}
