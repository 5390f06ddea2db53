import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";

import type { TestCertificate } from "../../../behaviour/harness/certificate.ts";
import { manifestPath } from "../../../../steps/models/model-store.ts";

const STORE = "/store";

const digestOf = (data: Buffer) => `sha256:${createHash("sha256").update(data).digest("hex")}`;

/** A registry of models that counts what leaves it: it plays the internet. */
export class ToyRegistry implements AsyncDisposable {
  /** Bytes of blobs sent so far. */
  sent = 0;
  /** A name that it does not know. */
  unknown = "";
  /** Bytes of all blobs of one model. */
  readonly size: number;
  /** Digest of the largest blob, as Ollama names its file. */
  readonly weights: string;
  /** What it says that the model consists of. */
  readonly manifest: string;
  readonly port: number;
  readonly #server: Server;
  readonly #blobs: ReadonlyMap<string, Buffer>;

  private constructor(server: Server, blobs: ReadonlyMap<string, Buffer>, manifest: string) {
    this.#server = server;
    this.#blobs = blobs;
    this.manifest = manifest;
    this.size = [...blobs.values()].reduce((sum, { length }) => sum + length, 0);
    this.weights = [...blobs.keys()][0]!.replace(":", "-");
    this.port = (server.address() as AddressInfo).port;
  }

  /**
   * Every model name it is asked for is the same model, with weights of this many bytes.
   *
   * @param tls with which it speaks HTTPS
   */
  static async start(bytes: number, tls?: TestCertificate): Promise<ToyRegistry> {
    const config = Buffer.from(
      JSON.stringify({ model_format: "gguf", model_family: "llama", file_type: "F16" }),
    );
    const blobs = new Map([randomBytes(bytes), config].map((data) => [digestOf(data), data]));
    const [weights, settings] = [...blobs].map(([digest, { length }]) => ({
      digest,
      size: length,
    }));
    const manifest = JSON.stringify({
      schemaVersion: 2,
      mediaType: "application/vnd.docker.distribution.manifest.v2+json",
      config: { mediaType: "application/vnd.docker.container.image.v1+json", ...settings },
      layers: [{ mediaType: "application/vnd.ollama.image.model", ...weights }],
    });
    const made = tls ? createTlsServer({ cert: tls.certificate, key: tls.key }) : createServer();
    const server: Server = made.on(
      "request",
      (request: IncomingMessage, response: ServerResponse) => {
        const blob = blobs.get(/\/blobs\/(sha256:\w+)$/.exec(request.url ?? "")?.[1] ?? "");
        const path = request.url ?? "";
        if (path === `/v2/library/${registry.unknown}/manifests/latest`) {
          return void response.writeHead(404).end('{"errors":[{"code":"MANIFEST_UNKNOWN"}]}');
        }
        if (blob && !path.startsWith(STORE) && request.method === "GET") {
          // Ollama expects what registry.ollama.ai does: blobs come from another host, which here is
          // this one by its other name.
          const [ip, port] = (request.headers.host ?? "").split(":");
          response.writeHead(307, {
            location: `${tls ? "https" : "http"}://[::ffff:${ip}]:${port}${STORE}${path}`,
          });
          return void response.end();
        }
        const found = blob ?? Buffer.from(manifest);
        const [, from, to] = /bytes=(\d+)-(\d*)/.exec(request.headers.range ?? "") ?? [];
        const end = to ? Number(to) + 1 : found.length;
        const part = from === undefined ? found : found.subarray(Number(from), end);
        response.writeHead(from === undefined ? 200 : 206, {
          "content-length": part.length,
          "content-range": `bytes ${from ?? 0}-${end - 1}/${found.length}`,
        });
        if (request.method === "HEAD") return void response.end();
        if (!blob) return void response.end(part);
        void registry.#send(response, part);
      },
    );
    await new Promise<void>((resolve) => server.listen(0, "0.0.0.0", resolve));
    const registry = new ToyRegistry(server, blobs, manifest);
    return registry;
  }

  /** Writes the model to a folder as an Ollama would keep it that had downloaded it by a full name. */
  async keepIn(folder: string, fullName: string): Promise<void> {
    const manifest = join(folder, "manifests", manifestPath(fullName));
    await mkdir(dirname(manifest), { recursive: true });
    await writeFile(manifest, this.manifest);
    await mkdir(join(folder, "blobs"), { recursive: true });
    for (const [digest, data] of this.#blobs) {
      await writeFile(join(folder, "blobs", digest.replace(":", "-")), data);
    }
  }

  /** Counts what the other side really took. */
  async #send(response: ServerResponse, data: Buffer): Promise<void> {
    const step = 1 << 20;
    const gone = once(response, "close");
    for (let at = 0; at < data.length && !response.destroyed; at += step) {
      const chunk = data.subarray(at, at + step);
      this.sent += chunk.length;
      if (!response.write(chunk)) {
        await Promise.race([once(response, "drain"), gone]);
      }
    }
    response.end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}
