// A local server that lays out releases as Pulumi's official host does.
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { type Server, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { PLUGINS, PULUMI } from "../../toolchain/versions.mjs";
import { tarball } from "./machine.ts";

const goArch = process.arch === "x64" ? "amd64" : process.arch;

export const FILES = {
  cliSums: `/releases/sdk/pulumi-${PULUMI}-checksums.txt`,
  cli: `/releases/sdk/pulumi-v${PULUMI}-${process.platform}-${process.arch}.tar.gz`,
  dockerSums: `/releases/plugins/pulumi-docker_${PLUGINS.docker}_checksums.txt`,
  docker: `/releases/plugins/pulumi-resource-docker-v${PLUGINS.docker}-${process.platform}-${goArch}.tar.gz`,
  commandSums: `/releases/plugins/pulumi-command_${PLUGINS.command}_checksums.txt`,
  command: `/releases/plugins/pulumi-resource-command-v${PLUGINS.command}-${process.platform}-${goArch}.tar.gz`,
};

export class Releases {
  /** What was asked for since it was read last. */
  asked: string[] = [];
  /** Answers to no request, as a firewall that drops packets. */
  silent = false;
  readonly folder: string;
  readonly server: Server;

  constructor(folder: string, server: Server) {
    this.folder = folder;
    this.server = server;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  static async serve(): Promise<Releases> {
    const folder = await mkdtemp(join(tmpdir(), "ollama-mesh-releases-"));
    const server = createServer((request, response) => {
      const path = request.url ?? "";
      releases.asked.push(path);
      if (releases.silent) return;
      readFile(join(folder, path)).then(
        (content) => response.end(content),
        () => response.writeHead(404).end(),
      );
    });
    const releases = new Releases(folder, server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    await releases.publish();
    return releases;
  }

  private async publish(): Promise<void> {
    const at = (path: string) => join(this.folder, path);
    await mkdir(dirname(at(FILES.cli)), { recursive: true });
    await mkdir(dirname(at(FILES.docker)), { recursive: true });
    await tarball(at(FILES.cli), {
      "pulumi/pulumi": `echo v${PULUMI} official`,
      "pulumi/pulumi-language-nodejs": "echo official language host",
    });
    await tarball(at(FILES.docker), { "pulumi-resource-docker": "echo official docker" });
    await tarball(at(FILES.command), { "pulumi-resource-command": "echo official command" });
    await this.checksum("sha256", FILES.cliSums, FILES.cli, "");
    await this.checksum("sha1", FILES.dockerSums, FILES.docker, "./");
    await this.checksum("sha256", FILES.commandSums, FILES.command, "");
  }

  private async checksum(algorithm: string, sums: string, path: string, prefix: string) {
    const digest = createHash(algorithm)
      .update(await readFile(join(this.folder, path)))
      .digest("hex");
    const name = path.split("/").at(-1);
    const other = `${digest.replaceAll(/./g, "0")}  ${prefix}other-${name}`;
    await writeFile(join(this.folder, sums), `${other}\n${digest}  ${prefix}${name}\n`);
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
    await rm(this.folder, { recursive: true, force: true });
  }
}
