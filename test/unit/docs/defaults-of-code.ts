// The default of every setting, asked of the code instead of its documentation.
import { nodeContainerArgs } from "../../../components/containers/node-container.ts";
import { GPUS, MONITORING, NODE, RETRY } from "../../../config/defaults.ts";
import { GpuVendor } from "../../../config/node-args.ts";
import { parseMesh } from "../../../config/parse-mesh.ts";
import { planMesh } from "../../../plan/mesh-plan.ts";
import { routerSettings } from "../../../templates/nodes/routed-node.ts";
import { nginxConf } from "../../../templates/nginx-conf.ts";

const planned = (args: object) => planMesh("lab", parseMesh(args));

/** What the code does where a setting is left out, by path. */
export function defaultsOfCode(): Record<string, string> {
  // What is absent unless declared is declared with no more than it must have.
  const given = {
    sticky: { cookie: "a" },
    management: { port: 1 },
    routes: { paths: [{ path: "/a" }] },
    tls: { certificateFile: "/tls/a", keyFile: "/tls/b" },
  };
  const service = { port: 1, mounts: [{ source: "/srv", path: "/a" }] };
  const serving = { name: "b", image: "b", service };
  const mesh = planned({ nodes: [{ name: "a" }, serving], balancer: given });
  const hosts = [{ host: "ssh://a" }, { host: "ssh://b" }];
  const two = planned({
    nodes: [{ name: "a", host: "ssh://c" }],
    balancer: { hosts, listen: { address: "0.0.0.0" } },
  });
  const { balancer, rollout } = mesh;
  const [node, serviceNode] = mesh.nodes;
  const container = node!.container!;
  const variable = (name: string) =>
    container.environment.find((each) => each.startsWith(`${name}=`))?.slice(name.length + 1);
  const conf = nginxConf(balancer, mesh.nodes);
  const tracing = { image: "nginx:1-otel", tracing: { endpoint: "collector:4317" } };
  const traced = nginxConf(planned({ nodes: [{ name: "a" }], balancer: tracing }).balancer, []);
  const hsts = /Strict-Transport-Security "?max-age=(\d+)/.exec(conf);
  const pick = <T extends object>(path: string, from: T, keys: (keyof T & string)[]) =>
    keys.map((key) => [`${path}${key}`, from[key]] as const);
  const all: (readonly [string, unknown])[] = [
    ["nodes[].host", container.endpoint],
    ...pick("nodes[].", node!, [
      ...(["port", "backup", "maintenance", "drain", "offline"] as const),
      "maxConnections",
    ]),
    ["nodes[].managed", node!.container !== undefined],
    ...pick("nodes[].service.", serviceNode!.container!.service!, ["healthPath", "writable"]),
    ...pick("nodes[].service.mounts[].", serviceNode!.container!.service!.mounts[0]!, ["readOnly"]),
    ["nodes[].gpus.vendor", sameAsLeftOut(Object.values(GpuVendor))],
    ["nodes[].gpus.groups", containerOf({ gpus: { vendor: "amd" } }).groupAdds],
    ["nodes[].gpus.minimumPercent", GPUS.minimumPercent],
    ["image", container.image],
    ["access", NODE.access],
    ["ollama.keepAlive", variable("OLLAMA_KEEP_ALIVE")],
    ["ollama.numParallel", variable("OLLAMA_NUM_PARALLEL")],
    ["ollama.schedSpread", variable("OLLAMA_SCHED_SPREAD") !== undefined],
    ["ollama.debug", variable("OLLAMA_DEBUG") !== undefined],
    ["balancer.host", balancer.endpoint],
    ["balancer.hosts[].offline", two.balancer.offline ?? false],
    ...pick("balancer.", balancer, [
      ...(["image", "routing", "algorithm", "health", "closeOnFailure"] as const),
      ...(["connectTimeoutSeconds", "readTimeoutSeconds"] as const),
      ...(["sendTimeoutSeconds", "maxFails", "failTimeoutSeconds"] as const),
      ...(["maxBodyMib", "nodeHeader", "workers"] as const),
    ]),
    ["balancer.access.countTokens", routerSettings(balancer).countTokens ?? false],
    ["balancer.queue.longestWaitSeconds", balancer.queue.longestWaitSeconds],
    ["balancer.tls.hstsSeconds", hsts?.[1] ?? 0],
    ...pick("balancer.sticky.", balancer.sticky!, ["expiresSeconds"]),
    ["balancer.sticky.promptBytes", routerSettings(balancer).session!.prefixBytes],
    ...pick("balancer.management.", balancer.management!, ["address"]),
    ...pick("balancer.routes.", balancer.routes, ["set", "upgrade"]),
    ...pick("balancer.routes.paths[].", balancer.routes.paths[0]!, ["methods"]),
    ...pick("balancer.retry.", balancer.retry, ["tries", "timeoutSeconds"]),
    ["balancer.retry.profile", RETRY.profile],
    ...pick("balancer.listen.", balancer.listen, ["address", "port"]),
    ...pick("balancer.keepalive.", balancer.keepalive, [
      ...(["connections", "timeoutSeconds", "requests"] as const),
    ]),
    ["balancer.log.samplePercent", / if=/.test(conf) ? "" : 100],
    ["balancer.tracing.samplePercent", /\$otel_trace_id/.test(traced) ? "" : 100],
    ["balancer.log.clients", /"client":"\$mesh_client"/.test(conf) ? "address" : ""],
    ...pick("monitoring.", MONITORING, [
      ...(["address", "prometheusPort", "prometheusImage", "retentionGib"] as const),
      ...(["retentionDays", "grafana", "grafanaPort", "grafanaImage"] as const),
      ...(["alertmanagerImage"] as const),
    ]),
    ...pick("rollout.", rollout, [
      ...(["maxUnavailable", "drainTimeoutSeconds", "readyTimeoutSeconds"] as const),
      ...(["warmUp", "minimumFreeGib"] as const),
    ]),
  ];
  const text = (value: unknown) => (Array.isArray(value) ? value.join(", ") : String(value));
  return Object.fromEntries(all.map(([path, value]) => [path, text(value)]));
}

/** What Docker is told of a node; its image is the same for every vendor of GPUs. */
function containerOf(node: object): { groupAdds?: string[] } {
  const mesh = planned({ nodes: [{ name: "a", image: "a", ...node }] });
  return nodeContainerArgs(mesh, mesh.nodes[0]!, []);
}

/** The vendors that change nothing when they are declared. */
const sameAsLeftOut = (vendors: string[]) =>
  vendors.filter(
    (vendor) =>
      JSON.stringify(containerOf({ gpus: { vendor } })) === JSON.stringify(containerOf({})),
  );
