/** The groups that nodes are in. */
import data from "./data.js";

/** Names of all pools, "" for the default one, which is the only one where none are declared. */
export const poolNames = () => ["", ...(data.pools ?? [])];

/**
 * Whether a node is in a pool. Where none are declared all are in the default one, whatever they were in before.
 *
 * @param {string} pool
 * @param {{pool?: string} | undefined} node
 */
export const isIn = (pool, node) => !data.pools || (node?.pool ?? "") === pool;
