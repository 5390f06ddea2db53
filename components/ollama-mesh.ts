import * as pulumi from "@pulumi/pulumi";
import { dockerVariableProblems } from "../config/checks/docker-variables.ts";
import { engineIsMocked } from "./engine-is-mocked.ts";
import { balancerWarnings } from "../config/checks/warnings.ts";
import { engineWarnings } from "./hosts/engine-warnings.ts";
import { byName } from "./by-name.ts";
import type { GpuHost } from "./hosts/gpu-host.ts";
import { createHosts, nginxImage } from "./hosts/gpu-hosts.ts";
import { createBalancers } from "./balancers/create-balancers.ts";
import type { PlacedBalancer } from "./balancers/placed-balancer.ts";
import { planArgs, type LateValues } from "./late-values.ts";
import type { MonitoringStatus, NodeStatus, OllamaMeshArgs } from "../config/mesh-args.ts";
import { ollamaEnvironment, serviceEnvironment } from "../plan/ollama-environment.ts";
import { createMonitoring } from "./monitoring/create-monitoring.ts";
import { OllamaNode } from "./ollama-node.ts";
import { hostPort } from "../config/net/host-port.ts";
import { nodeState } from "../plan/node-plan.ts";
import type { MeshPlan } from "../plan/mesh-plan.ts";
import { ConfigurationError } from "../config/problems.ts";
import { withoutUndefined } from "../config/without-undefined.ts";
import { portTakerWarning } from "./observed/port-takers.ts";
import { rolloutOrder } from "./observed/rollout-order.ts";

/**
 * One endpoint for a fleet of Ollama servers: containers on one or several Docker engines behind an
 * nginx load balancer that is configured, changed and drained without losing requests.
 */
export class OllamaMesh extends pulumi.ComponentResource {
  /** URL for clients: of two balancers by the address or name that leads to both, else that of the first. */
  readonly endpoint: pulumi.Output<string>;
  /** URL of each balancer by itself, in the order of balancer.hosts: for DNS, and clients that try a second one. */
  readonly endpoints: pulumi.Output<string[]>;
  /** Name, address and state of every node, in the order of the arguments. */
  readonly nodes: pulumi.Output<NodeStatus[]>;
  /** A command to try: one streamed answer through the balancer. */
  readonly curl: pulumi.Output<string>;
  /** Where its monitoring is looked at; absent where none is declared. */
  readonly monitoring?: pulumi.Output<MonitoringStatus>;

  /**
   * @param name also the prefix of all Docker names: unique among the meshes of an engine
   * @throws ResourceError naming every problem in the arguments at once
   */
  constructor(name: string, args: OllamaMeshArgs, opts?: pulumi.ComponentResourceOptions) {
    super("ollama-mesh:index:OllamaMesh", name, {}, opts);
    const known = plannedOrRefused(this, name, args);
    warn(this, known);
    const hosts = createHosts(this, known, args);
    const balancers = createBalancers(this, known, hosts, args);
    const nodes = createNodes(this, known, hosts, balancers, args);

    const served = pulumi.all(nodes.flatMap(({ admissions }) => admissions.map(({ id }) => id)));
    const planned = pulumi.all(known.plan.nodes.map((node) => byName(known.nodes, node.name)));
    const { plan } = known;
    this.endpoints = served.apply(() => Promise.all(balancers.map(({ url }) => url)));
    this.endpoint = this.endpoints.apply(([first]) => plan.url ?? first!);
    this.nodes = pulumi.all([planned, served]).apply(([all]) =>
      all.map((node) => ({
        name: node.name,
        address: hostPort(node.address, node.port),
        state: nodeState(node),
      })),
    );
    this.curl = this.endpoint.apply((url) => exampleCall(url, plan));
    const { endpoint, endpoints, nodes: states, curl } = this;
    const monitoring = createMonitoring(this, known, hosts, balancers, args);
    if (monitoring) this.monitoring = monitoring;
    const outputs = { endpoint, endpoints, nodes: states, curl };
    this.registerOutputs(monitoring ? { ...outputs, monitoring } : outputs);
  }
}

function plannedOrRefused(mesh: OllamaMesh, name: string, args: OllamaMeshArgs): LateValues {
  try {
    const problems = engineIsMocked() ? [] : dockerVariableProblems(process.env);
    if (problems.length > 0) throw new ConfigurationError(problems);
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
function warn(mesh: OllamaMesh, { config, networks }: LateValues): void {
  const warnings = [
    ...balancerWarnings(config),
    ...engineWarnings(config),
    ...networks.joining.map(portTakerWarning),
  ];
  for (const { path, text } of warnings) {
    void pulumi.log.warn(`${path}  ${text}`, mesh);
  }
  for (const { from, to } of networks.moving) {
    void pulumi.log.warn(
      `balancer.subnet  the mesh moves from ${from} to ${to}: nodes there are replaced one after the other, drained; the balancer's ports are refused for a moment at the begin, and streams that are open then are cut`,
      mesh,
    );
  }
}

/** Nodes that the mesh runs wait for each other, where they must: see rollout-order.ts. */
function createNodes(
  mesh: OllamaMesh,
  { plan, nodes, keys }: LateValues,
  hosts: Map<string, GpuHost>,
  balancers: PlacedBalancer[],
  args: OllamaMeshArgs,
): OllamaNode[] {
  const preparations = [...hosts.values()].flatMap((host) => host.prepared);
  const order = rolloutOrder(
    plan,
    balancers.filter((each) => !each.plan.offline).map(({ observed }) => observed),
  );
  const created = new Map<string, OllamaNode>();
  const create = (name: string) => {
    const i = plan.nodes.findIndex((node) => node.name === name);
    const node = plan.nodes[i]!;
    const host = node.container && hosts.get(node.container.endpoint);
    const { ollama = {}, service } = args.nodes[i]!;
    const declared = pulumi.output([args.ollama ?? {}, ollama, service] as const);
    const settings = declared.apply(withoutUndefined);
    const waitsFor = order.get(name) ?? [];
    return new OllamaNode(
      `${plan.name}-${name}`,
      {
        mesh: plan,
        plan: node,
        node: byName(nodes, name),
        ...(keys.has(name) ? { apiKey: byName(keys, name) } : {}),
        environment: settings.apply(([all, own, service]) => {
          const gpus = node.container?.gpus ?? {};
          return service ? serviceEnvironment(service, gpus) : ollamaEnvironment(all, own, gpus);
        }),
        ...(host ? { host } : {}),
        image: nginxImage(args),
        balancers,
        after: [...preparations, ...waitsFor.flatMap((other) => byName(created, other).admissions)],
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

/** To the default pool, or to the first node's where that has none: it answers nobody then. */
function exampleCall(clients: string, { nodes, balancer }: MeshPlan): string {
  const { access, pools = [], routes } = balancer;
  const { pool: asked } = nodes.find(({ pool }) => pool === undefined) ?? nodes[0]!;
  const { host, path = "" } = pools.find(({ name }) => name === asked) ?? {};
  const headers = [
    ...(access.apiKeys ? ["Authorization: Bearer $KEY"] : []),
    ...(host === undefined ? [] : [`Host: ${host}`]),
  ];
  const told = headers.map((header) => ` -H "${header}"`).join("");
  const url = clients + path;
  if (routes.set !== "ollama") return `curl${told} ${url}${routes.paths[0]?.path ?? "/"}`;
  const own = nodes.filter(({ pool }) => pool === asked);
  const model = own.flatMap(({ container }) => container?.models ?? [])[0] ?? "MODEL";
  const message = { model, messages: [{ role: "user", content: "Hello" }] };
  return `curl -N${told} ${url}/api/chat -d '${JSON.stringify(message)}'`;
}
