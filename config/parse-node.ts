import { addressProblems } from "./checks/fleet-problems.ts";
import { meshNetworkProblems } from "./checks/mesh-network-problems.ts";
import { nodeProblems } from "./checks/node-problems.ts";
import { type WellFormed, allOf, wellFormed } from "./checks/well-formed.ts";
import type { Known, MeshConfig, NodeConfig } from "./mesh-config.ts";
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
 * Checks one node of a checked mesh once more, now that those of its values are known that placeholders stood for.
 * It finds what parseMesh would find of the whole mesh, without a look at what these values have no part in.
 *
 * @param config with placeholders, as parseMesh returned it
 * @param at place of the node in its list
 * @param name of the mesh, as for parseMesh
 * @returns the config with the values
 * @throws ConfigurationError naming every problem at once
 */
export function parseNode(
  config: MeshConfig,
  at: number,
  { meshImage, ...values }: LateNodeValues,
  name?: string,
): MeshConfig {
  const input = withoutUndefined({
    image: meshImage,
    nodes: [{ ...config.nodes[at], ...values }],
  });
  const parsed = meshSchema.safeParse(input);
  const node = parsed.success ? parsed.data.nodes[0] : wellFormed(input).nodes[0]?.node;
  const known = node && withKnown(config, at, node, meshImage);
  const problems = [
    ...(parsed.success ? [] : atItsPlace(fieldProblems(parsed.error, input), at)),
    ...(known ? ownProblems(allOf(known), at, name) : []),
  ];
  if (known && problems.length === 0) return known;
  throw new ConfigurationError(problems);
}

/** The problems that an address, an image or TLS has a part in. */
const ownProblems = (mesh: WellFormed, at: number, name?: string): Problem[] => [
  ...nodeProblems(mesh.nodes[at]!, mesh),
  ...addressProblems(mesh),
  ...meshNetworkProblems(mesh, name),
];

/** The node was alone in its list. */
const atItsPlace = (problems: readonly Problem[], at: number): Problem[] =>
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
