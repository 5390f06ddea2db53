import type { BalancerPlace } from "./balancer.ts";
import { withConfigVolume } from "./config-volume.ts";

/** The config that the balancer is to have. */
export interface ApplyConfigInput {
  balancer: BalancerPlace;
  /** nginx image that it is tested with and will run in. */
  image: string;
  /** What nginxConf rendered. */
  base: string;
}

/** Puts the config in place: tested with nginx, switched, reloaded and verified, or all is as before. */
export async function applyConfig(input: ApplyConfigInput): Promise<{ applied: true }> {
  await withConfigVolume(input.balancer, input.image, (volume) =>
    volume.change({ ...volume.state, base: input.base }),
  );
  return { applied: true };
}
