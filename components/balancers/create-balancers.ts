import * as pulumi from "@pulumi/pulumi";
import type { OllamaMeshArgs } from "../../config/mesh-args.ts";
import { withoutUndefined } from "../../config/without-undefined.ts";
import { withRouting, type BalancerPlan } from "../../plan/balancer-plan.ts";
import { balancerRef } from "../../plan/balancer-ref.ts";
import { urlAt } from "../../plan/clients-url.ts";
import type { MeshPlan } from "../../plan/mesh-plan.ts";
import { sshHostName } from "../../steps/engine/ssh.ts";
import { nginxConf } from "../../templates/nginx-conf.ts";
import { byName } from "../by-name.ts";
import type { GpuHost } from "../hosts/gpu-host.ts";
import { nginxImage } from "../hosts/gpu-hosts.ts";
import type { LateValues } from "../late-values.ts";
import { LoadBalancer, type LoadBalancerArgs } from "../load-balancer.ts";
import { configDrift, nginxDrift } from "../observed/drift.ts";
import { askBalancer, hasVirtualAddress } from "../observed/observed-mesh.ts";
import { leftAlone } from "../step.ts";
import { formerNames, nameAt } from "./per-balancer.ts";
import type { PlacedBalancer } from "./placed-balancer.ts";

/** What balancers have in common. */
type Common = Omit<
  LoadBalancerArgs,
  "plan" | "isNetworkKnown" | "host" | "drift" | "down" | "after"
>;

/**
 * Makes the balancer, or both: one after the other, that with the virtual address last, so that clients are on one that
 * is not changed.
 *
 * @returns them in the order of the arguments
 */
export function createBalancers(
  mesh: pulumi.Resource,
  known: LateValues,
  hosts: Map<string, GpuHost>,
  args: OllamaMeshArgs,
): PlacedBalancer[] {
  const { plan } = known;
  const common = inCommon(known, args);
  const asked = [...hosts.values()].map(({ preflight }) => preflight);
  const placed: PlacedBalancer[] = [];
  for (const balancer of inOrderOfChange(plan.balancers)) {
    const isFirst = balancer === plan.balancer;
    const observed = balancer.offline ? "unknown" : askBalancer(balancerRef(balancer));
    const component = new LoadBalancer(
      nameAt(balancer.container, balancer),
      {
        ...common,
        plan: balancer,
        isNetworkKnown: !known.networks.unknown.has(balancer.endpoint),
        host: byName(hosts, balancer.endpoint),
        drift: configDrift(observed),
        down: nginxDrift(observed),
        after: [...asked, ...placed.map((before) => before.component)],
      },
      {
        parent: mesh,
        aliases: formerNames(balancer.container, balancer, isFirst),
        ...(balancer.offline ? { transformations: [leftAsItIs] } : {}),
      },
    );
    placed.push({ plan: balancer, isFirst, observed, component, url: knownUrl(balancer) });
  }
  return plan.balancers.map((balancer) => placed.find((each) => each.plan === balancer)!);
}

/** Neither clients nor other machines know the names of an ssh config. */
async function knownUrl(plan: BalancerPlan): Promise<string> {
  return plan.urlBySsh ? urlAt(await sshHostName(plan.endpoint), plan) : plan.url;
}

/**
 * All that a balancer is made of. The provider does not take "*" for the front's ports, which it reads back otherwise;
 * and what the engine replaces by, such as these ports, knows no ignoreChanges: without it nothing is replaced.
 */
export const leftAsItIs: pulumi.ResourceTransformation = ({ props, opts }) => {
  const {
    ignoreChanges = [],
    replacementTrigger: _,
    ...rest
  } = opts as pulumi.CustomResourceOptions;
  return { props, opts: { ...rest, ...leftAlone(true), ignoreChanges: ["*", ...ignoreChanges] } };
};

/** That with the virtual address last; where none has it yet, the first gets it. */
const inOrderOfChange = (balancers: readonly BalancerPlan[]): readonly BalancerPlan[] =>
  hasVirtualAddress(balancers[0]!) ? balancers.toReversed() : balancers;

function inCommon(known: LateValues, args: OllamaMeshArgs): Common {
  const { plan, config, nodes, balancer } = known;
  const all = pulumi.all([...nodes.values()]);
  return {
    mesh: plan.name,
    known: balancer,
    image: nginxImage(args),
    remote: remoteNodes(plan, nodes),
    base: (routing) =>
      pulumi
        .all([all, knownCertificate(args)])
        .apply(([nodes, certificate]) =>
          nginxConf(
            withRouting(withCertificate(plan.balancer, certificate), config, routing),
            nodes,
          ),
        ),
    nodes: all,
    // Without routing by models nobody would know whose connections to close, or count anything.
    declaresRouting:
      args.balancer?.routing !== undefined ||
      plan.balancer.closeOnFailure ||
      plan.monitoring !== undefined,
    ...secretLogOptions(args),
    drainSeconds: plan.rollout.drainTimeoutSeconds,
    ...(plan.balancers.length > 1 ? { declared: plan.nodes.map(({ name }) => name) } : {}),
  };
}

/** A log driver may need a token, and nobody knows which of its options that is: all of them are secret in the state. */
function secretLogOptions({ balancer }: OllamaMeshArgs): Pick<Common, "logOptions"> {
  const options = balancer?.log?.options;
  return options ? { logOptions: pulumi.secret(options).apply(withoutUndefined) } : {};
}

/** The certificate as it will be, where the config holds its names. They are public, however it was given. */
function knownCertificate({ balancer }: OllamaMeshArgs): pulumi.Output<string | undefined> {
  return pulumi.unsecret(pulumi.output(balancer?.tls?.certificate));
}

const withCertificate = (plan: BalancerPlan, certificate: string | undefined): BalancerPlan =>
  certificate === undefined ? plan : { ...plan, tls: { ...plan.tls, certificate } };

/** Nodes that the balancer will reach over the LAN, those in maintenance or offline left out; undefined when there are none. */
function remoteNodes(plan: MeshPlan, nodes: LateValues["nodes"]) {
  const remote = plan.nodes.filter(
    ({ container, maintenance, offline }) => container?.publish && !maintenance && !offline,
  );
  if (remote.length === 0) return undefined;
  return pulumi
    .all(remote.map(({ name }) => byName(nodes, name)))
    .apply((all) => all.map(({ name, address, port }) => ({ node: name, address, port })));
}
