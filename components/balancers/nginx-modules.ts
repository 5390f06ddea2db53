import type { local } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { Routing } from "../../config/balancer-args.ts";
import { quotaPaths } from "../../config/checks/routing-problems.ts";
import { TRACING_IMAGE } from "../../config/checks/fleet-problems.ts";
import type { BalancerPlan } from "../../plan/balancer-plan.ts";
import type { ImageResult } from "../../steps/hosts/image.ts";
import { isKnownNjs, NJS_LEAST } from "../../steps/hosts/nginx-modules.ts";
import { isRouted } from "../../templates/nodes/routed-node.ts";

/** A balancer, and whether no other routing than its plan's will do. */
interface Declared {
  plan: BalancerPlan;
  declaresRouting: boolean;
}

/**
 * How nodes are chosen, once the image was asked what its nginx can.
 *
 * @param image the step that has asked it
 * @param mesh what a warning is of
 * @throws RunError, by the output, where nginx lacks what is declared
 */
export const routingOf = (
  image: local.Command,
  declared: Declared,
  mesh: pulumi.Resource,
): pulumi.Output<Routing> =>
  isRouted(declared.plan) || declared.plan.tracing
    ? image.stdout.apply((printed) =>
        // Under mocks nothing is printed.
        routingBy(JSON.parse(printed || "{}") as ImageResult, declared, (text) => {
          void pulumi.log.warn(text, mesh);
        }),
      )
    : pulumi.output(declared.plan.routing);

/**
 * How nodes are chosen, by what an image's nginx can: as declared; plain, with a warning, where nobody declared it and
 * nginx cannot run the program.
 *
 * @throws RunError where nginx lacks what is declared
 */
export function routingBy(
  { njs, otel }: Pick<ImageResult, "njs" | "otel">,
  { plan, declaresRouting }: Declared,
  warn: (text: string) => void,
): Routing {
  if (otel === false) {
    throw new pulumi.RunError(
      `balancer.image  has no ngx_otel_module, and balancer.tracing needs it; use nginx's official image with it, as ${TRACING_IMAGE}, or leave tracing out`,
    );
  }
  if (njs === undefined || isKnownNjs(njs)) return plan.routing;
  const found = njs === "" ? "no njs module" : `njs ${njs}`;
  const text = `balancer.image  has ${found}, and routing by models needs njs ${NJS_LEAST} or newer`;
  const hasQuotas = quotaPaths(plan.access).length > 0;
  if (declaresRouting || hasQuotas) {
    throw new pulumi.RunError(
      `${text}; use nginx's official image, or ${hasQuotas ? "keys without quotas" : "routing: plain"}`,
    );
  }
  warn(
    `${text}: nginx chooses nodes by itself (plain): a node that hangs or has not the model gets requests; use nginx's official image, or declare routing: plain`,
  );
  return Routing.Plain;
}
