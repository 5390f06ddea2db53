import { addressProblems, reachedAt } from "./checks/fleet-problems.ts";
import { meshNetworkProblems } from "./checks/mesh-network-problems.ts";
import { nodeProblems } from "./checks/node-problems.ts";
import { type IndexedNode, allOf, wellFormed } from "./checks/well-formed.ts";
import { DEFAULT_ENGINE } from "./defaults.ts";
import { type Known, type MeshConfig, type NodeConfig, isAttached } from "./mesh-config.ts";
import type { NodeTlsArgs } from "./node-args.ts";
import { ConfigurationError, type Problem } from "./problems.ts";
import { fieldProblems } from "./schema/field-problems.ts";
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
  const engine = others.balancer.host ?? DEFAULT_ENGINE;
  const reached = new Map(others.nodes.map((each) => [reachedAt(each.node, engine), each]));

  /** The problems that an address, an image or TLS has a part in. */
  function ownProblems(own: IndexedNode): Problem[] {
    const same = reached.get(reachedAt(own.node, engine));
    const two = same && same.at !== own.at ? [same, own].sort((a, b) => a.at - b.at) : [own];
    return [
      ...nodeProblems(own, others),
      ...addressProblems({ ...others, nodes: two }),
      ...networkProblems(own),
    ];
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
