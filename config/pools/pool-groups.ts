/** What a node has of pools. */
interface Pooled {
  pool?: string;
}

/**
 * The nodes of each pool, those of the default pool under undefined: as they are declared, pools without a node left out.
 *
 * @param poolOf where a node says which one it is in
 */
export const byPool = <T>(
  nodes: readonly T[],
  poolOf: (node: T) => Pooled,
): Map<string | undefined, T[]> => Map.groupBy(nodes, (node) => poolOf(node).pool);

/** A pool in a message. */
export const poolNamed = (pool: string | undefined): string =>
  pool === undefined ? "the default pool" : `pool ${pool}`;
