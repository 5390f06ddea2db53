import { z } from "zod";
import type { PoolArgs } from "../balancer-args.ts";
import { NAME } from "./node-schema.ts";
import { basePath, hostName, matching, type Shape } from "./patterns.ts";

/** The name of a pool, as a node's: it becomes a name in nginx. */
const poolName = matching(NAME, 'must be lower-case letters, digits and "-", up to 40');

const pool: Shape<PoolArgs> = z.strictObject(
  {
    name: poolName,
    path: basePath.exactOptional(),
    host: hostName.exactOptional(),
  },
  "must be an object as {name: vllm, path: /vllm}",
);

/** Checks the pools. */
export const pools = z
  .array(pool, "must be a list of pools")
  .min(1, "must name a pool; leave it out for one group of all nodes");
