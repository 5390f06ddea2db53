import type { BalancerRef } from "../../plan/balancer-ref.ts";
import type { MeshStatus } from "../../templates/status/mesh-status.ts";
import type { MeshUsage } from "../../templates/status/mesh-usage.ts";
import { STATUS_PATH, USAGE_PATH } from "../../templates/status/status-conf.ts";
import { askFromBalancer, loopbackUrl } from "../../steps/balancer/ask.ts";
import { DockerError } from "../../steps/engine/docker-engine.ts";
import { HOST_ANSWER_SECONDS } from "../../steps/limits.ts";
import { StepError } from "../../steps/step-error.ts";

/** A balancer, with what it says of its mesh or why it says nothing. */
export interface AskedBalancer {
  /** Its container. */
  balancer: string;
  /** Docker engine that it is on: containers of two balancers have one name. */
  host: string;
  status?: MeshStatus;
  /** Why it did not answer, with the way out. */
  error?: string;
}

/** The same with what its keys have used. */
export interface AskedUsage extends Pick<AskedBalancer, "balancer" | "host" | "error"> {
  usage?: MeshUsage;
}

/** Asks a balancer for the state of its mesh, in its container: by ssh where its engine is reached so. */
export async function askStatus(balancer: BalancerRef): Promise<AskedBalancer> {
  const wayOut = "its config may be of an older version; run pulumi up";
  const { told, ...rest } = await askJson(balancer, STATUS_PATH, "", wayOut);
  return told === undefined ? rest : { ...rest, status: told as MeshStatus };
}

/**
 * Asks a balancer what API keys have used.
 *
 * @param days so many, today is one of them
 */
export async function askUsage(balancer: BalancerRef, days: number): Promise<AskedUsage> {
  const wayOut =
    "it counts where balancer.access.apiKeys are declared, with routing models; run pulumi up where they are";
  const { told, ...rest } = await askJson(balancer, USAGE_PATH, `?days=${days}`, wayOut);
  return told === undefined ? rest : { ...rest, usage: told as MeshUsage };
}

async function askJson(
  balancer: BalancerRef,
  path: string,
  query: string,
  otherStatus: string,
): Promise<{ balancer: string; host: string; told?: unknown; error?: string }> {
  const { container, endpoint } = balancer;
  const asked = { balancer: container, host: endpoint };
  const url = loopbackUrl(`${path}${query}`);
  try {
    const { status, body } = await askFromBalancer(balancer, { url, seconds: HOST_ANSWER_SECONDS });
    if (status === 200) return { ...asked, told: JSON.parse(body) as unknown };
    return { ...asked, error: `GET ${path} gave status ${status}; ${otherStatus}` };
  } catch (error) {
    if (!(error instanceof DockerError || error instanceof StepError)) throw error;
    const said = error instanceof DockerError ? error.lastWords : error.message;
    const wayOut = `ollama-mesh doctor, and docker ps -a on ${endpoint}, say more`;
    return { ...asked, error: `it does not answer (${said.trim()}); ${wayOut}` };
  }
}
