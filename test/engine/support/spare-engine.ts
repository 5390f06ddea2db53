// A Docker engine of its own inside a container: with devices and runtimes that this machine has not.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { ENGINE_INSIDE } from "../../../lab/lan/engine-inside.mjs";
import { run } from "../../../toolchain/command.mjs";
import { until } from "../../../toolchain/until.mjs";
import { ownStackName } from "./leftovers.ts";

/** What a mesh that has nodes on one needs. */
export const NEEDS_OF_MESH = [
  "OLLAMA_MESH_HOST_IMAGE",
  "OLLAMA_MESH_OLLAMA_IMAGE",
  "OLLAMA_MESH_NGINX_IMAGE",
  "OLLAMA_MESH_MODEL",
] as const;

/** Where the container sees the folder with socket and files. */
const INSIDE = "/spare";

/** How a spare engine is made. */
export interface SpareEngineOptions {
  /** Image of a simulated LAN machine. */
  image: string;
  /** Images that it must hold, from this machine's engine. */
  images: readonly string[];
  /** Further files in its folder, by name; the script `prepare` runs before its engine starts. */
  files?: Readonly<Record<string, string>>;
  /** Further arguments of `docker run`. */
  docker?: readonly string[];
}

/** A spare engine; it and all that is on it is gone when it is disposed of. */
export class SpareEngine implements AsyncDisposable {
  readonly name: string;
  readonly folder: string;
  readonly endpoint: string;

  private constructor(folder: string) {
    this.name = `ollama-mesh-${ownStackName()}-engine`;
    this.folder = folder;
    this.endpoint = `unix://${join(folder, "docker.sock")}`;
  }

  static async start({ image, images, files = {}, docker = [] }: SpareEngineOptions) {
    const engine = new SpareEngine(await mkdtemp(join(tmpdir(), "mesh-engine-")));
    try {
      const all = { prepare: "", ...files };
      for (const [name, text] of Object.entries(all)) {
        await writeFile(join(engine.folder, name), text, { mode: 0o755 });
      }
      await run("docker", [
        ...["run", "--detach", "--init", "--name", engine.name, ...ENGINE_INSIDE],
        ...["--volume", `${engine.folder}:${INSIDE}`, "--env", "SSH_USER=ops"],
        ...["--env", "SSH_PORT=22", "--env", "AUTHORIZED_KEY="],
        ...["--env", `ENGINE_ARGS=-H unix://${INSIDE}/docker.sock`],
        ...docker,
        ...[image, "sh", "-c", `. ${INSIDE}/prepare; exec /usr/local/bin/start`],
      ]);
      await until("answer of the spare engine", () => engine.docker("version"), { seconds: 120 });
      if (images.length > 0) await engine.load(images);
      return engine;
    } catch (error) {
      const log = await run("docker", ["logs", "--tail", "20", engine.name]).catch(String);
      await engine[Symbol.asyncDispose]();
      throw new Error(`no spare engine: ${log}`, { cause: error });
    }
  }

  /** Runs a docker command on it. */
  docker = (...args: string[]): Promise<string> => run("docker", ["-H", this.endpoint, ...args]);

  /** Runs a program on the machine itself. */
  exec = (...args: string[]): Promise<string> => run("docker", ["exec", this.name, ...args]);

  /**
   * Puts the machine into a mesh's network beside the balancer: bridges are kept apart from each other.
   *
   * @returns its address there
   */
  async joinNetworkOf(mesh: string): Promise<string> {
    const network = `${mesh}-network`;
    const format = "{{range .IPAM.Config}}{{.Gateway}}{{end}}";
    const gateway = await run("docker", ["network", "inspect", "--format", format, network]);
    const address = gateway.trim().replace(/\.\d+$/, ".250");
    await run("docker", ["network", "connect", "--ip", address, network, this.name]);
    return address;
  }

  private async load(images: readonly string[]): Promise<void> {
    const file = join(this.folder, "images.tar");
    await run("docker", ["save", "--output", file, ...images]);
    await this.docker("load", "--input", file);
    await rm(file);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await run("docker", ["rm", "--force", "--volumes", this.name]).catch(() => undefined);
    await rm(this.folder, { recursive: true, force: true });
  }
}
