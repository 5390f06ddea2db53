import * as pulumi from "@pulumi/pulumi";
import { nginxConf } from "../templates/nginx-conf.ts";
import { balancerWarnings } from "../config/checks/warnings.ts";
import { engineWarnings } from "./hosts/engine-warnings.ts";
import { byName } from "./by-name.ts";
import type { GpuHost } from "./hosts/gpu-host.ts";
import { createHosts, nginxImage } from "./hosts/gpu-hosts.ts";
import { planArgs, type LateValues } from "./late-values.ts";
import { balancerRef } from "../plan/balancer-ref.ts";
import { LoadBalancer } from "./load-balancer.ts";
import type { NodeStatus, OllamaMeshArgs } from "../config/mesh-args.ts";
import { ollamaEnvironment, serviceEnvironment } from "../plan/ollama-environment.ts";
import { OllamaNode } from "./ollama-node.ts";
import { hostPort } from "../config/net/host-port.ts";
import { urlAt, type BalancerPlan } from "../plan/balancer-plan.ts";
import { nodeState } from "../plan/node-plan.ts";
import type { MeshPlan } from "../plan/mesh-plan.ts";
import { sshHostName } from "../steps/engine/ssh.ts";
import { ConfigurationError } from "../config/problems.ts";
import { configDrift } from "./observed/drift.ts";
import { askBalancer, type NotObserved, type ObservedMesh } from "./observed/observed-mesh.ts";
import { rolloutOrder } from "./observed/rollout-order.ts";

/**
 * One endpoint for a fleet of Ollama servers: containers on one or several Docker engines behind an
 * nginx load balancer that is configured, changed and drained without losing requests.
 */
export class OllamaMesh extends pulumi.ComponentResource {
  /** URL for clients. */
  readonly endpoint: pulumi.Output<string>;
  /** Name, address and state of every node, in the order of the arguments. */
  readonly nodes: pulumi.Output<NodeStatus[]>;
  /** A command to try: one streamed answer through the balancer. */
  readonly curl: pulumi.Output<string>;

  /**
   * @param name also the prefix of all Docker names: unique among the meshes of an engine
   * @throws ResourceError naming every problem in the arguments at once
   */
  constructor(name: string, args: OllamaMeshArgs, opts?: pulumi.ComponentResourceOptions) {
    super("ollama-mesh:index:OllamaMesh", name, {}, opts);
    const known = plannedOrRefused(this, name, args);
    warn(this, known);
    const hosts = createHosts(this, known, args);
    const observed = askBalancer(balancerRef(known.plan.balancer));
    const balancer = createBalancer(this, known, hosts, observed, args);
    const nodes = createNodes(this, known, hosts, balancer, observed, args);

    const served = pulumi.all(nodes.map(({ admission }) => admission.id));
    const planned = pulumi.all(known.plan.nodes.map((node) => byName(known.nodes, node.name)));
    this.endpoint = served.apply(() => clientsUrl(known.plan.balancer));
    this.nodes = pulumi.all([planned, served]).apply(([all]) =>
      all.map((node) => ({
        name: node.name,
        address: hostPort(node.address, node.port),
        state: nodeState(node),
      })),
    );
    this.curl = this.endpoint.apply((url) => exampleCall(url, known.plan));
    this.registerOutputs({ endpoint: this.endpoint, nodes: this.nodes, curl: this.curl });
  }
}

function plannedOrRefused(mesh: OllamaMesh, name: string, args: OllamaMeshArgs): LateValues {
  try {
    return planArgs(name, args);
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    const refusal = new pulumi.ResourceError(error.message, mesh, true);
    // The SDK inspects errors for its trace. With the resource it would print the whole program;
    // and the SDK's own lines in a stack send Node 22.23's colouring into a loop of 15 seconds.
    Object.defineProperty(refusal, "resource", { enumerable: false });
    refusal.stack = refusal.message;
    throw refusal;
  }
}

/** Says before anything is touched what is allowed but may hurt. */
function warn(mesh: OllamaMesh, { config }: LateValues): void {
  for (const { path, text } of [...balancerWarnings(config), ...engineWarnings(config)]) {
    void pulumi.log.warn(`${path}  ${text}`, mesh);
  }
}

function createBalancer(
  mesh: OllamaMesh,
  { plan, nodes, balancer }: LateValues,
  hosts: Map<string, GpuHost>,
  observed: ObservedMesh | NotObserved,
  args: OllamaMeshArgs,
): LoadBalancer {
  return new LoadBalancer(
    plan.balancer.container,
    {
      mesh: plan.name,
      plan: plan.balancer,
      known: balancer,
      image: nginxImage(args),
      host: byName(hosts, plan.balancer.endpoint),
      remote: remoteNodes(plan, nodes),
      base: pulumi
        .all([pulumi.all([...nodes.values()]), redirectCertificate(args)])
        .apply(([all, certificate]) => nginxConf(withCertificate(plan.balancer, certificate), all)),
      drift: configDrift(observed),
      asked: [...hosts.values()].map(({ preflight }) => preflight),
    },
    { parent: mesh },
  );
}

/** The certificate as it will be, where the config holds its names. They are public, however it was given. */
function redirectCertificate({ balancer }: OllamaMeshArgs): pulumi.Output<string | undefined> {
  const { certificate, redirectPort } = balancer?.tls ?? {};
  return pulumi.unsecret(pulumi.output(redirectPort === undefined ? undefined : certificate));
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

/** Nodes that the mesh runs wait for each other, where they must: see rollout-order.ts. */
function createNodes(
  mesh: OllamaMesh,
  { plan, nodes }: LateValues,
  hosts: Map<string, GpuHost>,
  balancer: LoadBalancer,
  observed: ObservedMesh | NotObserved,
  args: OllamaMeshArgs,
): OllamaNode[] {
  const preparations = [...hosts.values()].flatMap((host) => host.prepared);
  const order = rolloutOrder(plan, observed);
  const created = new Map<string, OllamaNode>();
  const create = (name: string) => {
    const i = plan.nodes.findIndex((node) => node.name === name);
    const node = plan.nodes[i]!;
    const host = node.container && hosts.get(node.container.endpoint);
    const { ollama = {}, service } = args.nodes[i]!;
    const settings = pulumi.output([args.ollama ?? {}, ollama, service] as const);
    const waitsFor = order.get(name) ?? [];
    return new OllamaNode(
      `${plan.name}-${name}`,
      {
        mesh: plan,
        plan: node,
        node: byName(nodes, name),
        environment: settings.apply(([all, own, service]) => {
          const gpus = node.container?.gpus ?? {};
          return service ? serviceEnvironment(service, gpus) : ollamaEnvironment(all, own, gpus);
        }),
        ...(host ? { host } : {}),
        image: nginxImage(args),
        balancer,
        observed,
        after: [...preparations, ...waitsFor.map((other) => byName(created, other).admission)],
      },
      { parent: mesh },
    );
  };
  // In their order, so that each finds those that it waits for; then the rest.
  for (const name of [...order.keys(), ...nodes.keys()]) {
    if (!created.has(name)) created.set(name, create(name));
  }
  return plan.nodes.map(({ name }) => byName(created, name));
}

/** Clients do not know the names of an ssh config. No resource depends on what these stand for, only an output. */
async function clientsUrl(plan: BalancerPlan): Promise<string> {
  return plan.urlBySsh ? urlAt(await sshHostName(plan.endpoint), plan) : plan.url;
}

function exampleCall(url: string, plan: MeshPlan): string {
  const key = plan.balancer.access.apiKeys ? ' -H "Authorization: Bearer $KEY"' : "";
  const { set, paths } = plan.balancer.routes;
  if (set !== "ollama") return `curl${key} ${url}${paths[0]?.path ?? "/"}`;
  const model = plan.nodes.flatMap(({ container }) => container?.models ?? [])[0] ?? "MODEL";
  const message = { model, messages: [{ role: "user", content: "Hello" }] };
  return `curl -N${key} ${url}/api/chat -d '${JSON.stringify(message)}'`;
}
