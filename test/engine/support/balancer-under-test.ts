import { randomBytes } from "node:crypto";
import { run } from "../../../toolchain/command.mjs";
import { parseMesh } from "../../../config/parse-mesh.ts";
import { planMesh, type MeshPlan } from "../../../plan/mesh-plan.ts";
import { ownSubnet } from "./subnet.ts";
import type { BalancerRef } from "../../../plan/balancer-ref.ts";
import { CONFIG_FILE, CONFIG_FOLDER, NGINX_USER } from "../../../templates/nginx-layout.ts";
import { serving } from "../../../steps/balancer/serving.ts";

const ENGINE = "unix:///var/run/docker.sock";
const docker = (...args: string[]) => run("docker", ["-H", ENGINE, ...args]);

/** A balancer's network, volume and, once started, container, as the mesh makes them; removed on disposal. */
export class BalancerUnderTest implements AsyncDisposable {
  readonly name = `mesh-test-${process.pid}-${randomBytes(3).toString("hex")}`;
  readonly place: BalancerRef = {
    endpoint: ENGINE,
    container: `${this.name}-balancer`,
    volume: `${this.name}-config`,
    network: `${this.name}-network`,
  };
  readonly plan: MeshPlan;
  readonly image: string;

  constructor(image: string) {
    this.image = image;
    const config = { nodes: [{ name: "a" }, { name: "b" }], balancer: { subnet: ownSubnet() } };
    this.plan = planMesh(this.name, parseMesh(config));
  }

  async create(): Promise<void> {
    const { subnet } = this.plan.balancer.addresses;
    await docker("network", "create", "--subnet", subnet, this.place.network);
    await docker("volume", "create", this.place.volume);
  }

  async start(): Promise<void> {
    await docker(
      ...["run", "--detach", "--name", this.place.container, "--network", this.place.network],
      ...["--user", NGINX_USER, "--cap-drop", "ALL", "--read-only", "--tmpfs", "/tmp:mode=1777"],
      ...["--volume", `${this.place.volume}:${CONFIG_FOLDER}:ro`, this.image],
      ...["nginx", "-e", "stderr", "-c", CONFIG_FILE, "-g", "daemon off;"],
    );
    await serving({ balancer: this.place, pids: 64 });
  }

  /** The config that the volume's current version holds. */
  currentConfig(): Promise<string> {
    return docker("exec", this.place.container, "cat", CONFIG_FILE);
  }

  /** What nginx answers on its front, asked from inside. */
  front(path: string): Promise<string> {
    return docker("exec", this.place.container, "curl", "-s", `http://127.0.0.1:8080${path}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await docker("rm", "--force", "--volumes", this.place.container).catch(() => undefined);
    await docker("volume", "rm", "--force", this.place.volume).catch(() => undefined);
    await docker("network", "rm", this.place.network).catch(() => undefined);
  }
}
