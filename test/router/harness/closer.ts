import { closerContainerArgs } from "../../../components/containers/closer-container.ts";
import { parseMesh } from "../../../config/parse-mesh.ts";
import { planMesh } from "../../../plan/mesh-plan.ts";
import { docker, uniqueName } from "../../behaviour/harness/docker.ts";
import type { RoutedNodeUnderTest } from "./routed-data.ts";

/** What closes connections to frozen nodes, in a container as in production. */
export class Closer implements AsyncDisposable {
  readonly name = uniqueName("closer");

  /** Starts it in the network of a balancer's container. */
  static async start(
    image: string,
    balancer: { name: string },
    nodes: readonly RoutedNodeUnderTest[],
  ): Promise<Closer> {
    const plan = planMesh("mesh", parseMesh({ nodes: nodes.map(({ entry }) => entry) }));
    const args = closerContainerArgs("mesh", plan.nodes, balancer.name);
    const closer = new Closer();
    const [program = "", ...words] = args.entrypoints;
    await docker(
      ...["run", "--detach", "--name", closer.name, "--network", args.networkMode],
      ...["--user", args.user, "--read-only", "--memory", `${args.memory}m`],
      ...args.capabilities.drops.flatMap((name) => ["--cap-drop", name]),
      ...args.capabilities.adds.flatMap((name) => ["--cap-add", name]),
      ...args.securityOpts.flatMap((option) => ["--security-opt", option]),
      ...["--entrypoint", program, image, ...words, ...args.command],
    );
    return closer;
  }

  /** The lines that it wrote. */
  async said(): Promise<string[]> {
    return (await docker("logs", this.name)).split("\n").filter(Boolean);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await docker("rm", "--force", this.name).catch(() => undefined);
  }
}
