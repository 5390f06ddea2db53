import { addressProblems, loopProblems, reachedAt } from "./checks/fleet-problems.ts";
import { meshNetworkProblems } from "./checks/mesh-network-problems.ts";
import { nodeProblems } from "./checks/node-problems.ts";
import { publishedProblems } from "./ports/published-problems.ts";
import { type IndexedNode, allOf, wellFormed } from "./checks/well-formed.ts";
import {
  type Known,
  type MeshConfig,
  type NodeConfig,
  isAttached,
  meshEngine,
} from "./mesh-config.ts";
import type { NodeTlsArgs } from "./node-args.ts";
import { ConfigurationError, type Problem } from "./problems.ts";
import { fieldProblems } from "./schema/field-problems.ts";
import { nodeKey } from "./schema/node-schema.ts";
import { meshSchema } from "./schema/mesh-schema.ts";
import { withoutUndefined } from "./without-undefined.ts";

/** What of a node another resource may supply; undefined where nothing is declared. */
export interface LateNodeValues {
  address: string | undefined;
  image: string | undefined;
  tls: Known<NodeTlsArgs> | undefined;
  /** The mesh's image. */
  meshImage: string | undefined;
}

/**
 * Makes what checks one node of a checked mesh once more, when those of its values are known that placeholders stood
 * for. It finds what parseMesh would find of the whole mesh, without a look at each other node every time.
 *
 * @param config with placeholders, as parseMesh returned it
 * @param name of the mesh, as for parseMesh
 * @returns takes the node's place in the list and its values, and returns the config with them; it throws a
 * ConfigurationError naming every problem at once
 */
export function nodeParser(
  config: MeshConfig,
  name?: string,
): (at: number, values: LateNodeValues) => MeshConfig {
  const others = allOf(config);
  const engine = meshEngine(others.balancer);
  const reached = new Map(others.nodes.map((each) => [reachedAt(each.node, engine), each]));

  /** The problems that an address, an image or TLS has a part in. */
  function ownProblems(own: IndexedNode): Problem[] {
    const same = reached.get(reachedAt(own.node, engine));
    const two = same && same.at !== own.at ? [same, own].sort((a, b) => a.at - b.at) : [own];
    return [
      ...nodeProblems(own, others),
      ...addressProblems({ ...others, nodes: two }),
      ...loopProblems({ ...others, nodes: [own] }),
      ...publishedProblems({ ...others, nodes: onItsHost(own) }),
      ...networkProblems(own),
    ];
  }

  function onItsHost(own: IndexedNode): IndexedNode[] {
    const { host } = own.node;
    const there = others.nodes.filter((each) => each.node.host === host || each.at === own.at);
    return there.map((each) => (each.at === own.at ? own : each));
  }

  function networkProblems(own: IndexedNode): Problem[] {
    const joins = isAttached(own.node, engine) && !isAttached(config.nodes[own.at]!, engine);
    const alone = meshNetworkProblems({ ...others, nodes: [own] }, name);
    if (!joins && alone.length === 0) return [];
    // Whether there is room for it, and which network is free, the others have a part in.
    return meshNetworkProblems({ ...others, nodes: others.nodes.with(own.at, own) }, name);
  }

  return (at, { meshImage, ...values }) => {
    const input = withoutUndefined({
      image: meshImage,
      nodes: [{ ...config.nodes[at], ...values }],
    });
    const parsed = meshSchema.safeParse(input);
    const node = parsed.success ? parsed.data.nodes[0] : wellFormed(input).nodes[0]?.node;
    const problems = [
      ...(parsed.success ? [] : inItsPlace(fieldProblems(parsed.error, input), at)),
      ...(node ? ownProblems({ at, node }) : []),
    ];
    if (node && problems.length === 0) return withKnown(config, at, node, meshImage);
    throw new ConfigurationError(problems);
  };
}

/**
 * Checks a node's key, once that is known.
 *
 * @param at the node's place in the list
 * @throws ConfigurationError which does not show it
 */
export function parseNodeKey(key: string, at: number): string {
  const parsed = nodeKey.safeParse(key);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ message: text }) => ({
    path: `nodes[${at}].apiKey`,
    text,
  }));
  throw new ConfigurationError(problems);
}

/** The node was alone in its list. */
const inItsPlace = (problems: readonly Problem[], at: number): Problem[] =>
  problems.map(({ path, text }) => ({ path: path.replace(/^nodes\[0\]/, `nodes[${at}]`), text }));

function withKnown(
  { image: _placeholder, ...config }: MeshConfig,
  at: number,
  node: NodeConfig,
  image: string | undefined,
): MeshConfig {
  const nodes = config.nodes.with(at, node);
  return { ...config, ...(image === undefined ? {} : { image }), nodes };
}
