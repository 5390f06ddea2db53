import { containerState } from "../engine/containers.ts";
import type { BalancerRef } from "../../plan/balancer-ref.ts";
import { withConfigVolume } from "./config-volume.ts";

/** The config that the balancer is to have. */
export interface ApplyConfigInput {
  balancer: BalancerRef;
  /** nginx image that it is tested with and will run in. */
  image: string;
  /** What nginxConf rendered. */
  base: string;
  /** Hash of the secret files beside it, which keepSecrets has put into the volume; empty for none. */
  secrets: string;
}

/**
 * Puts the config in place: tested with nginx, switched, reloaded and verified.
 *
 * @throws StepError when nginx does not serve with it; all is as before then
 */
export async function applyConfig(input: ApplyConfigInput): Promise<{ applied: true }> {
  const { balancer, image } = input;
  const found = await containerState(balancer.endpoint, balancer.container);
  await withConfigVolume(balancer, found, image, async (volume) => {
    await volume.change({ ...volume.state, base: input.base, secrets: input.secrets });
    await volume.forget(input.secrets);
  });
  return { applied: true };
}

/** Secret files, and their hash. */
export interface KeepSecretsInput {
  balancer: BalancerRef;
  image: string;
  hash: string;
  /** By name. */
  files: Record<string, string>;
}

/**
 * Puts secret files into the config volume, for the config that names their hash. They are a step of
 * their own so that the config itself is no secret, and a preview can show how it changes.
 *
 * @throws StepError when the volume cannot be opened, or somebody else holds it for too long
 */
export async function keepSecrets(input: KeepSecretsInput): Promise<{ kept: string }> {
  const { balancer, image } = input;
  const found = await containerState(balancer.endpoint, balancer.container);
  await withConfigVolume(balancer, found, image, (volume) => volume.keep(input.hash, input.files));
  return { kept: input.hash };
}
