import { randomBytes } from "node:crypto";
import { chmod, mkdir, mkdtemp, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { SYSCTLS } from "../../../components/containers/balancer-container.ts";
import { parseMesh } from "../../../config/parse-mesh.ts";
import { planMesh } from "../../../plan/mesh-plan.ts";
import { WORKERS } from "../../../steps/balancer/nginx-workers.ts";
import { withServers } from "../../../templates/admitted-servers.ts";
import { njsProgram } from "../../../templates/njs-program.ts";
import { routerOf } from "../../../templates/nodes/routed-node.ts";
import { secretFiles } from "../../../templates/front/secret-files.ts";
import { nginxConf } from "../../../templates/nginx-conf.ts";
import {
  CONFIG_FILE,
  CONFIG_FOLDER,
  FRONT_PORT,
  LOOPBACK_PORT,
  MANAGEMENT_PORT,
  NGINX_USER,
  OPEN_FILES,
} from "../../../templates/nginx-layout.ts";
import { run } from "../../../toolchain/command.mjs";
import { until } from "../../../toolchain/until.mjs";
import { admitted } from "../../support/admitted.ts";
import { docker, ENGINE, uniqueName } from "./docker.ts";

/** What a balancer under test may be told beyond the mesh's config. */
export interface BalancerOptions {
  /** Changes the rendered text, to see what happens without a directive of ours. */
  edit?: (conf: string) => string;
  /** Changes what lies beside the config, by name. */
  beside?: (files: Readonly<Record<string, string>>) => Record<string, string>;
  /** Further files in the config folder, by path relative to it: certificates, keys. */
  files?: Readonly<Record<string, string>>;
  /** Further ports of the container to publish. */
  ports?: readonly number[];
  /** Further arguments of docker run. */
  docker?: readonly string[];
}

const START_SECONDS = 60;
/** Once a second, and what a loaded machine adds. */
const LOG_SECONDS = 30;

/** The config that production would serve with all nodes admitted. */
export function render(config: unknown): {
  conf: string;
  hash: string;
  /** What lies beside it, by name. */
  secrets: Record<string, string>;
} {
  const parsed = parseMesh(config);
  const plan = planMesh("mesh", parsed);
  const servers = plan.nodes.map((node, at) => {
    const { apiKey } = parsed.nodes[at]!;
    return [
      node.name,
      admitted(plan.balancer, apiKey === undefined ? node : { ...node, apiKey }),
    ] as const;
  });
  const secrets = secretFiles(plan.balancer);
  const text = nginxConf(plan.balancer, plan.nodes);
  const router = routerOf(plan.balancer);
  const { files, ...finished } = withServers(
    text,
    Object.fromEntries(servers),
    JSON.stringify(secrets),
    router,
  );
  const program = router ? njsProgram() : {};
  return { ...finished, secrets: { ...secrets, ...program, ...files } };
}

/** A real nginx with a mesh's config, in a container as in production. */
export class Balancer implements AsyncDisposable {
  readonly name: string;
  /** Address of the container on Docker's bridge; its ports need no publishing there. */
  address = "";
  readonly #folder: string;
  readonly #options: BalancerOptions;
  readonly #published = new Map<number, number>();

  private constructor(folder: string, options: BalancerOptions) {
    this.name = uniqueName("nginx");
    this.#folder = folder;
    this.#options = options;
  }

  /** Starts nginx with the config of a mesh, as a stack file writes it, and waits until it serves. */
  static async start(
    image: string,
    config: unknown,
    options: BalancerOptions = {},
  ): Promise<Balancer> {
    const folder = await mkdtemp(join(tmpdir(), "ollama-mesh-behaviour-"));
    await chmod(folder, 0o755);
    const balancer = new Balancer(folder, options);
    try {
      const hash = await balancer.#write(config, options.edit);
      await balancer.#run(image);
      await balancer.#serves(hash);
      return balancer;
    } catch (error) {
      await balancer[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Base URL of the front, published on 127.0.0.1. */
  get url(): string {
    return `http://127.0.0.1:${this.port(FRONT_PORT)}`;
  }

  /** Base URL of the front on the bridge, without Docker's proxy in between. */
  get bridgeUrl(): string {
    return `http://${this.address}:${FRONT_PORT}`;
  }

  /** Base URL of the management listener; it serves only where the config declares one. */
  get managementUrl(): string {
    return `http://127.0.0.1:${this.port(MANAGEMENT_PORT)}`;
  }

  /** Port on 127.0.0.1 that leads to a port of the container. */
  port(inside: number): number {
    const port = this.#published.get(inside);
    if (port === undefined) throw new Error(`port ${inside} is not published`);
    return port;
  }

  /** Serves with another config, without a restart: written, signalled, verified. */
  async reload(config: unknown, edit = this.#options.edit): Promise<void> {
    const hash = await this.#write(config, edit);
    const old = await this.exec("sh", "-c", `${WORKERS}\nworkers`);
    await docker("kill", "--signal", "HUP", this.name);
    await this.#serves(hash);
    const look = `${WORKERS}\nif taking "$0"; then echo yes; else echo no; fi`;
    await until(
      "reload after which no old worker takes connections",
      async () => (await this.exec("sh", "-c", look, old)) === "no\n",
      { seconds: START_SECONDS },
    );
  }

  /** The access log so far; nginx writes it once a second. */
  async log(): Promise<Record<string, string>[]> {
    const lines = (await docker("logs", this.name)).split("\n").filter(Boolean);
    return lines.map((line) => JSON.parse(line) as Record<string, string>);
  }

  /** The log's line of the request with this id. */
  logged(id: string): Promise<Record<string, string>> {
    return until(
      `line of ${id} in the log`,
      async () => (await this.log()).find((line) => line["request_id"] === id),
      { seconds: LOG_SECONDS },
    );
  }

  /** All that nginx said so far: the access log and its errors. */
  said(): Promise<string> {
    return run("sh", ["-c", 'docker -H "$0" logs "$1" 2>&1', ENGINE, this.name]);
  }

  /** Runs a program in the container. */
  exec(...args: string[]): Promise<string> {
    return docker("exec", this.name, ...args);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await docker("rm", "--force", "--volumes", this.name).catch(() => undefined);
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** Writes a version beside the current one and switches to it; returns the hash it will answer with. */
  async #write(config: unknown, edit: BalancerOptions["edit"]): Promise<string> {
    const { conf, hash, secrets } = render(config);
    const mark = `${hash}-${randomBytes(4).toString("hex")}`;
    const text = (edit?.(conf) ?? conf).replaceAll(hash, mark);
    if (edit && edit(conf) === conf) throw new Error("the edit changed nothing");
    const version = join("versions", mark);
    await this.#file(join(version, "nginx.conf"), text);
    const { beside = (files) => files } = this.#options;
    for (const [name, content] of Object.entries(beside(secrets))) {
      await this.#file(join(version, name), content);
    }
    for (const [path, content] of Object.entries(this.#options.files ?? {})) {
      await this.#file(path, content);
    }
    const link = join(this.#folder, `current-${mark}`);
    await symlink(version, link);
    await rename(link, join(this.#folder, "current"));
    return mark;
  }

  async #file(path: string, content: string): Promise<void> {
    const file = join(this.#folder, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, content, { mode: 0o644 });
  }

  async #run(image: string): Promise<void> {
    const ports = [FRONT_PORT, MANAGEMENT_PORT, ...(this.#options.ports ?? [])];
    await docker(
      ...["run", "--detach", "--name", this.name, "--network", "bridge"],
      ...["--user", NGINX_USER, "--cap-drop", "ALL", "--read-only", "--tmpfs", "/tmp:mode=1777"],
      ...["--security-opt", "no-new-privileges:true"],
      ...["--ulimit", `nofile=${OPEN_FILES}:${OPEN_FILES}`, "--stop-signal", "SIGQUIT"],
      ...Object.entries(SYSCTLS).flatMap(([name, value]) => ["--sysctl", `${name}=${value}`]),
      ...ports.flatMap((port) => ["--publish", `127.0.0.1:0:${port}`]),
      ...["--volume", `${this.#folder}:${CONFIG_FOLDER}:ro`],
      ...(this.#options.docker ?? []),
      ...[image, "nginx", "-e", "stderr", "-c", CONFIG_FILE, "-g", "daemon off;"],
    );
    const [state] = JSON.parse(await docker("inspect", this.name)) as {
      NetworkSettings: { IPAddress: string; Ports: Record<string, { HostPort: string }[] | null> };
    }[];
    this.address = state!.NetworkSettings.IPAddress;
    for (const [inside, outside] of Object.entries(state!.NetworkSettings.Ports)) {
      if (outside) this.#published.set(Number.parseInt(inside), Number(outside[0]!.HostPort));
    }
  }

  async #serves(hash: string): Promise<void> {
    const ask = ["curl", "-fsS", `http://127.0.0.1:${LOOPBACK_PORT}/config-hash`];
    try {
      await until(
        `nginx that serves with config ${hash}`,
        async () => (await this.exec(...ask)) === hash,
        { seconds: START_SECONDS },
      );
    } catch (error) {
      const said = await docker("logs", "--tail", "5", this.name).catch(String);
      const tested = await this.exec("nginx", "-e", "stderr", "-t", "-q", "-c", CONFIG_FILE).catch(
        String,
      );
      throw new Error(`nginx does not serve with the config: ${tested}\n${said}`, { cause: error });
    }
  }
}
