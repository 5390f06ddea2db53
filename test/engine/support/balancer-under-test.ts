import { run } from "../../../toolchain/command.mjs";
import { parseMesh } from "../../../config/parse-mesh.ts";
import { planMesh, type MeshPlan } from "../../../plan/mesh-plan.ts";
import { ownStackName } from "./leftovers.ts";
import { ownSubnet } from "./subnet.ts";
import type { BalancerRef } from "../../../plan/balancer-ref.ts";
import { CONFIG_FILE, CONFIG_FOLDER, NGINX_USER } from "../../../templates/nginx-layout.ts";
import { routerOf } from "../../../templates/nodes/routed-node.ts";
import type { Router } from "../../../templates/router-data.ts";
import { applyConfig } from "../../../steps/balancer/apply-config.ts";
import { nginxConf } from "../../../templates/nginx-conf.ts";
import { waitUntilServing } from "../../../steps/balancer/serving.ts";

const ENGINE = "unix:///var/run/docker.sock";
const docker = (...args: string[]) => run("docker", ["-H", ENGINE, ...args]);

/** A balancer's network, volume and, once started, container, as the mesh makes them; removed on disposal. */
export class BalancerUnderTest implements AsyncDisposable {
  readonly name = `mesh-${ownStackName()}`;
  readonly place: BalancerRef = {
    endpoint: ENGINE,
    container: `${this.name}-balancer`,
    volume: `${this.name}-config`,
    network: `${this.name}-network`,
  };
  readonly plan: MeshPlan;
  readonly image: string;
  /** What its config goes with. */
  readonly router: Router;

  constructor(image: string) {
    this.image = image;
    const config = { nodes: [{ name: "a" }, { name: "b" }], balancer: { subnet: ownSubnet() } };
    this.plan = planMesh(this.name, parseMesh(config));
    this.router = routerOf(this.plan.balancer)!;
  }

  async create(): Promise<void> {
    const { subnet } = this.plan.balancer.addresses;
    await docker("network", "create", "--subnet", subnet, this.place.network);
    await docker("volume", "create", this.place.volume);
  }

  /**
   * Makes all of it, with a config without nodes.
   *
   * @param edit changes the config
   */
  async serve(edit = (conf: string) => conf): Promise<void> {
    const base = edit(nginxConf(this.plan.balancer, this.plan.nodes));
    const { place: balancer, image, router } = this;
    await this.create();
    await applyConfig({ balancer, image, base, secrets: "", router });
    await this.start();
  }

  async start(): Promise<void> {
    await docker(
      ...["run", "--detach", "--name", this.place.container, "--network", this.place.network],
      ...["--user", NGINX_USER, "--cap-drop", "ALL", "--read-only", "--tmpfs", "/tmp:mode=1777"],
      ...["--volume", `${this.place.volume}:${CONFIG_FOLDER}:ro`, this.image],
      ...["nginx", "-e", "stderr", "-c", CONFIG_FILE, "-g", "daemon off;"],
    );
    await waitUntilServing(this.place, this.place.container);
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
