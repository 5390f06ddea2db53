// Simulated machines for all tests of a file, and stacks that run on them.
import { mkdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll } from "vitest";

import { builtImage, type Recipe } from "../../../lab/images/docker-image.mjs";
import { HOST_IMAGE } from "../../../lab/images/host/host-image.mjs";
import { lanDown, lanUp, type Lan, type LanHost } from "../../../lab/lan/machines.mjs";
import { run } from "../../../toolchain/command.mjs";
import { atLab, labConfig, nginxImage, ollamaImage } from "../../engine/support/lab.ts";
import { ownStackName, removeDeadMeshes } from "../../engine/support/leftovers.ts";
import type { Ran } from "../../engine/support/pulumi.ts";
import { Stack, type StackConfig } from "../../engine/support/stack.ts";

/** A LAN that a test changes at will. */
export class TestLan {
  readonly lan: Lan;

  constructor(lan: Lan) {
    this.lan = lan;
  }

  /** lan1 is 1, as in its name. */
  host = (n: number): LanHost => this.lan.hosts[n - 1]!;

  /** Where a node on a machine is, for the config. */
  on = (n: number, port?: number) => ({
    host: this.host(n).endpoint,
    address: this.host(n).address,
    ...(port ? { port } : {}),
  });

  /** A docker command on the engine of a machine, over ssh. */
  docker = async (n: number, ...args: string[]): Promise<string> =>
    (await run("docker", ["-H", this.host(n).endpoint, ...args], { env: this.lan.env })).trim();

  /** A program in the machine itself, as root. */
  inside = async (n: number, ...args: string[]): Promise<string> =>
    (await run("docker", ["exec", this.host(n).container, ...args])).trim();

  /** What is done to a machine from outside: kill, start, pause, unpause. */
  power = async (n: number, what: "kill" | "start" | "pause" | "unpause"): Promise<void> => {
    await run("docker", [what, this.host(n).container]);
  };

  /** A stack of the program with these machines in its ssh config; its balancer is on lan1. */
  stack = async (config: StackConfig): Promise<Stack> => {
    // Connections of its own, so that none made with other keys is used on.
    const run = join(this.lan.folder, "run");
    await mkdir(run, { recursive: true, mode: 0o700 });
    const env = { ...this.lan.env, XDG_RUNTIME_DIR: run };
    const stack = await Stack.init({}, { env });
    await stack.configure(this.config(config));
    return stack;
  };

  /** Config with the lab's images, and the balancer on lan1. */
  config = (config: StackConfig): StackConfig =>
    labConfig({
      ...config,
      balancer: {
        host: this.host(1).endpoint,
        listen: { address: "0.0.0.0", port: 11434 },
        ...(config["balancer"] as object),
      },
    });

  /** Where the balancer on lan1 listens. */
  get url(): string {
    return `http://${this.host(1).address}:11434`;
  }

  /** The nodes that have a line in nginx's config, on the machine of a balancer. */
  serving = async (mesh: string, n = 1): Promise<string[]> => {
    const file = "/etc/nginx/mesh/mesh.json";
    const state = await this.docker(n, "exec", `${mesh}-balancer`, "cat", file);
    return Object.keys((JSON.parse(state) as { servers: object }).servers).toSorted();
  };

  /** Everything of a mesh on one machine, each as "kind name", sorted. */
  remains = async (n: number, mesh: string): Promise<string[]> => {
    const list = async (kind: string, ...args: string[]) =>
      (await this.docker(n, ...args)).split("\n").flatMap((name) => {
        const own = name.slice(mesh.length + 1).replace(/^(balancer-nginx)-[0-9a-f]{7}$/, "$1");
        return name.startsWith(mesh) ? [`${kind} ${own}`] : [];
      });
    const all = [
      await list("container", "ps", "--all", "--format", "{{.Names}}"),
      await list("network", "network", "ls", "--format", "{{.Name}}"),
      await list("volume", "volume", "ls", "--format", "{{.Name}}"),
    ];
    return all.flat().toSorted();
  };
}

/** What an up did, sorted, without the mesh's name and the hashes of engines: "update lan2-models". */
export const done = ({ changes }: Ran, { mesh }: Stack): string[] =>
  changes.map((change) => change.replace(`${mesh}-`, "").replace(/-[0-9a-f]{6}\b/, "")).toSorted();

/**
 * Machines for the tests of a file, switched on before the first and removed after the last.
 *
 * @param more images that each of them has besides the lab's
 */
export function lanOfFile(
  count: number,
  prepare: (lan: TestLan) => Promise<void> = async () => {},
  more: readonly Recipe[] = [],
): () => TestLan {
  // A name by which a later run finds what a dead one left.
  const name = `lan-${ownStackName()}`;
  const folder = join(tmpdir(), name);
  let test: TestLan | undefined;
  atLab(async () => {
    await removeDeadMeshes();
    const image = await builtImage(HOST_IMAGE);
    const images = [nginxImage(), ollamaImage(), ...(await Promise.all(more.map(builtImage)))];
    test = new TestLan(await lanUp({ name, folder, count, image, images }));
    await prepare(test);
  });
  afterAll(async () => {
    await lanDown({ name, folder });
    await rm(folder, { recursive: true, force: true });
  }, 120_000);
  return () => test!;
}

/** The same, with a stack that runs on them and is destroyed before they are removed. No stack where tests are skipped. */
export function lanStackOfFile(
  count: number,
  more: readonly Recipe[] = [],
): { lan: () => TestLan; stack: () => Stack } {
  let stack: Stack | undefined;
  const lan = lanOfFile(
    count,
    async (made) => {
      stack = await made.stack({ nodes: [] });
    },
    more,
  );
  afterAll(async () => stack?.[Symbol.asyncDispose](), 60_000);
  return { lan, stack: () => stack! };
}
