import type { local } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { secretFiles } from "../templates/front/secret-files.ts";
import type { BalancerPlan } from "../plan/balancer-plan.ts";
import { shortHash } from "../config/short-hash.ts";
import { step } from "./step.ts";

/** The secret files of a balancer, in its volume. */
export interface BalancerSecrets {
  /** Of their contents; empty where there are none. It tells nothing of them, so it is no secret. */
  hash: pulumi.Output<string>;
  /** What the config waits for. */
  kept: local.Command[];
}

/** Puts API keys, certificate and private key into the config volume, where any are declared. */
export function keepSecrets(
  name: string,
  ref: object,
  plan: BalancerPlan,
  known: pulumi.Output<BalancerPlan>,
  opts: pulumi.CustomResourceOptions,
): BalancerSecrets {
  if (Object.keys(secretFiles(plan)).length === 0) return { hash: pulumi.output(""), kept: [] };
  const files = pulumi.secret(known.apply(secretFiles));
  const hash = pulumi.unsecret(files.apply((all) => shortHash(JSON.stringify(all), 32)));
  const kept = step(
    `${name}-secrets`,
    { create: "keepSecrets" },
    { balancer: ref, image: pulumi.unsecret(known.apply(({ image }) => image)), hash, files },
    opts,
  );
  return { hash, kept: [kept] };
}
