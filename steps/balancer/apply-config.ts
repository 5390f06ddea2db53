import { njsProgram } from "../../templates/njs-program.ts";
import type { Router } from "../../templates/router-data.ts";
import type { BalancerRef } from "../../plan/balancer-ref.ts";
import { withConfigVolume } from "./config-volume.ts";
import { findBalancer } from "./front/find-balancer.ts";
import type { MeshState } from "./mesh-state.ts";

/** The config that the balancer is to have. */
export interface ApplyConfigInput {
  balancer: BalancerRef;
  /** nginx image that it is tested with and will run in. */
  image: string;
  /** What nginxConf rendered. */
  base: string;
  /** Hash of the secret files beside it, which keepSecrets has put into the volume; empty for none. */
  secrets: string;
  /** The program that says where requests go; absent where nginx chooses by itself. */
  router?: Router;
  /** Names of all nodes: lines of others go, which were removed while one of two machines was off. Absent for one balancer. */
  declared?: string[];
}

/**
 * Puts the config in place: tested with nginx, switched, reloaded and verified.
 *
 * @throws StepError when nginx does not serve with it; all is as before then
 */
export async function applyConfig(input: ApplyConfigInput): Promise<{ applied: true }> {
  const { balancer, image, base, secrets, router, declared } = input;
  const found = await findBalancer(balancer);
  await withConfigVolume(balancer, found, image, async (volume) => {
    const { router: _, ...before } = declared ? only(declared, volume.state) : volume.state;
    if (router) await volume.keep("programs", router.program, njsProgram());
    await volume.change({ ...before, base, secrets, ...(router ? { router } : {}) });
    await volume.forget("secrets", secrets);
    await volume.forget("programs", router?.program ?? "");
  });
  return { applied: true };
}

function only(names: readonly string[], state: MeshState): MeshState {
  const servers = Object.entries(state.servers).filter(([name]) => names.includes(name));
  const expected = state.expected.filter((name) => names.includes(name));
  return { ...state, servers: Object.fromEntries(servers), expected };
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
  const found = await findBalancer(balancer);
  await withConfigVolume(balancer, found, image, (volume) =>
    volume.keep("secrets", input.hash, input.files),
  );
  return { kept: input.hash };
}
