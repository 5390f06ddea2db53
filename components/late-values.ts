import * as pulumi from "@pulumi/pulumi";
import type { OllamaMeshArgs } from "../config/mesh-args.ts";
import { nodeParser, parseNodeKey } from "../config/node-parser.ts";
import { parseMesh } from "../config/parse-mesh.ts";
import type { MeshConfig } from "../config/mesh-config.ts";
import { type BalancerPlan, planBalancers } from "../plan/balancer-plan.ts";
import { askNetworks, type ObservedNetworks } from "./observed/observed-networks.ts";
import { planMesh, replanNode, type MeshPlan } from "../plan/mesh-plan.ts";
import type { NodePlan } from "../plan/node-plan.ts";
import { NAME } from "../config/schema/node-schema.ts";
import { ConfigurationError, dotPath, show, type Problem } from "../config/problems.ts";

// Which resources exist must be known before the program runs; a few values inside them may be
// another resource's outputs. A placeholder takes the place of those while the rest is checked.

const ADDRESS = "known-later-";

/** Whether an address is known only later. */
export const isPlaceholder = (address: string): boolean => address.startsWith(ADDRESS);

/** A placeholder for an Output; undefined where none may be. No two addresses are the same. */
function placeholder(path: readonly PropertyKey[]): string | undefined {
  const field = path.at(-1);
  if (field === "image") return "known-later";
  if (field === "caCertificate") return PEM_PLACEHOLDER["certificate"];
  if (path[0] === "balancer" && path[1] === "tls") return PEM_PLACEHOLDER[String(field)];
  if (path[0] === "balancer" && field === "key") return `known-later-key-${String(path[3])}`;
  if (field === "address" && path[0] === "nodes") return `${ADDRESS}${String(path[1])}.invalid`;
  if (field === "apiKey") return "known-later";
  if (field === "webhook") return "https://known-later.invalid/";
  if (path.at(-2) === "environment" || isLogOption(path)) return "known later";
  return undefined;
}

const isLogOption = (path: readonly PropertyKey[]) =>
  dotPath(path.slice(0, -1)) === "balancer.log.options";

/** Shaped as the schema demands. */
const PEM_PLACEHOLDER: Partial<Record<string, string>> = {
  certificate: "-----BEGIN CERTIFICATE-----\nknown later\n-----END CERTIFICATE-----",
  key: "-----BEGIN PRIVATE KEY-----\nknown later\n-----END PRIVATE KEY-----",
};

function withPlaceholders(value: unknown, path: PropertyKey[], problems: Problem[]): unknown {
  if (pulumi.Output.isInstance(value) || value instanceof Promise) {
    const stand = placeholder(path);
    if (stand === undefined) {
      problems.push({
        path: dotPath(path),
        text: "must be a plain value, not another resource's output: it decides which resources exist",
      });
    }
    return stand;
  }
  if (Array.isArray(value))
    return value.map((item, i) => withPlaceholders(item, [...path, i], problems));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      withPlaceholders(inner, [...path, key], problems),
    ]),
  );
}

/** The plan, and what of it may be known later. */
export interface LateValues {
  /** With placeholders: for names, counts and everything that decides which resources exist. */
  plan: MeshPlan;
  config: MeshConfig;
  /** By node name, as it will be. */
  nodes: Map<string, pulumi.Output<NodePlan>>;
  /** What nodes know the balancer by, by node name; secret. */
  keys: Map<string, pulumi.Output<string>>;
  /** The balancers as they will be, by the first: secret as soon as it has a key or a certificate. */
  balancer: pulumi.Output<BalancerPlan>;
  /** Those that the mesh has already. */
  networks: ObservedNetworks;
  /** URL that is told of alerts, secret; absent for none. */
  webhook?: pulumi.Output<string>;
}

/**
 * Checks the arguments of a mesh and plans it.
 *
 * @throws ConfigurationError naming every problem at once
 */
export function planArgs(name: string, args: OllamaMeshArgs): LateValues {
  const problems: Problem[] = [];
  if (!NAME.test(name)) {
    const text = `must be lower-case letters, digits and "-", up to 40, since Docker names begin with it, got ${show(name)}; it is what the program calls its OllamaMesh, often <project>-<stack>`;
    problems.push({ path: "name of the mesh", text });
  }
  const plain = withPlaceholders(args, [], problems);
  if (problems.length > 0) throw new ConfigurationError(problems);
  const config = parseMesh(plain, name);
  const networks = askNetworks(name, planBalancers(name, config));
  const plan = planMesh(name, config, networks);
  const parseNode = nodeParser(config, name);
  const nodes = new Map(
    plan.nodes.map((node, i): [string, pulumi.Output<NodePlan>] => {
      const { address, image, tls } = args.nodes[i]!;
      const values = pulumi.output({ address, image, tls, meshImage: args.image });
      return [
        node.name,
        values.apply((known) => checked(() => replanNode(plan, parseNode(i, known), i))),
      ];
    }),
  );
  const balancer = pulumi
    .output(withSecrets(args).balancer)
    .apply((known) =>
      checked(
        () => planMesh(name, parseMesh({ ...config, balancer: known }, name), networks).balancer,
      ),
    );
  const webhook = alertsUrl(args, name, config);
  return {
    ...{ plan, config, nodes, keys: nodeKeys(args), balancer, networks },
    ...(webhook ? { webhook } : {}),
  };
}

function alertsUrl(
  { monitoring }: OllamaMeshArgs,
  name: string,
  config: MeshConfig,
): pulumi.Output<string> | undefined {
  if (monitoring?.webhook === undefined) return undefined;
  return pulumi
    .secret(monitoring.webhook)
    .apply((webhook) =>
      checked(
        () =>
          parseMesh({ ...config, monitoring: { ...config.monitoring, webhook } }, name).monitoring!
            .webhook!,
      ),
    );
}

/** Apart from the nodes: as part of one it would make all of it secret. */
function nodeKeys({ nodes }: OllamaMeshArgs): Map<string, pulumi.Output<string>> {
  return new Map(
    nodes.flatMap(({ name, apiKey }, at) =>
      apiKey === undefined
        ? []
        : [
            [
              name,
              pulumi.secret(apiKey).apply((known) => checked(() => parseNodeKey(known, at))),
            ] as const,
          ],
    ),
  );
}

/** Keys are secret from here on, however they were given. */
function withSecrets(args: OllamaMeshArgs): OllamaMeshArgs {
  const { tls, access } = args.balancer ?? {};
  const key = tls?.key;
  const apiKeys = access?.apiKeys;
  return {
    ...args,
    balancer: {
      ...args.balancer,
      ...(tls && key !== undefined ? { tls: { ...tls, key: pulumi.secret(key) } } : {}),
      ...(Array.isArray(apiKeys)
        ? {
            access: {
              ...access,
              apiKeys: apiKeys.map((one) => ({ ...one, key: pulumi.secret(one.key) })),
            },
          }
        : {}),
    },
  };
}

/** What is found wrong once values are known is shown as it is found before. */
function checked<T>(plan: () => T): T {
  try {
    return plan();
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    // Only a RunError is shown without a stack when it is thrown this late.
    const refusal = new pulumi.RunError(error.message);
    refusal.stack = refusal.message; // see ollama-mesh.ts
    throw refusal;
  }
}
