import { balancerContainer, MESH_LABEL } from "../../config/names.ts";
import type { BalancerRef } from "../../plan/balancer-ref.ts";
import { dockerEngine } from "../../steps/engine/docker-engine.ts";
import { HOST_ANSWER_SECONDS } from "../../steps/limits.ts";
import type { Finding } from "./finding.ts";

/**
 * Looks whether what stands beside a balancer runs: keepalived, what closes connections, and what watches the mesh.
 * Without the first the shared address does not move when its machine fails, and nobody notices before.
 *
 * @param of whose findings they are
 * @throws StepError when its engine does not answer
 */
export async function companionFindings(
  { endpoint, container }: BalancerRef,
  of: string,
): Promise<Finding[]> {
  const mesh = container.slice(0, -balancerContainer("").length);
  const listed = await dockerEngine(endpoint).docker(
    [
      ...["ps", "--all", "--filter", `label=${MESH_LABEL}=${mesh}`],
      ...["--format", "{{.Names}}|{{.State}}"],
    ],
    { timeoutSeconds: HOST_ANSWER_SECONDS },
  );
  return listed.split("\n").flatMap((line) => {
    const [name = "", status = ""] = line.split("|");
    const isCompanion = name.startsWith(`${container}.`) || name.startsWith(`${mesh}.`);
    return isCompanion && status !== "running"
      ? [{ of, text: `container ${name} is ${status}; ${wayToRun(name, endpoint, status)}` }]
      : [];
  });
}

/** Docker refuses to start what it has paused; what it starts again and again ends by itself. */
export function wayToRun(container: string, endpoint: string, status: string): string {
  if (status === "paused") return `docker unpause ${container} on ${endpoint}`;
  if (status === "restarting") return `docker logs ${container} on ${endpoint} says why it ends`;
  return `docker start ${container} on ${endpoint}, and see docker logs for why`;
}
