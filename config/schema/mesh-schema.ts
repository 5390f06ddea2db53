import { z } from "zod";
import type { OllamaMeshArgs, RolloutArgs } from "../mesh-args.ts";
import { NodeAccess } from "../node-args.ts";
import { balancerSchema } from "./balancer-schema.ts";
import { monitoringSchema } from "./monitoring-schema.ts";
import { models, nodeSchema, ollamaSchema } from "./node-schema.ts";
import { type Shape, flag, image, oneOf, whole } from "./patterns.ts";

// The interfaces of the arguments are the source of truth (schema inference turns zod's types into
// "any"); each schema here is held to its interface by the compiler.

/** Checks how changes are rolled out. */
export const rolloutSchema: Shape<RolloutArgs> = z.strictObject(
  {
    maxUnavailable: whole(1, 1000).exactOptional(),
    drainTimeoutSeconds: whole(0, 86_400).exactOptional(),
    readyTimeoutSeconds: whole(1, 86_400).exactOptional(),
    warmUp: flag().exactOptional(),
    minimumFreeGib: z.number("must be a number").min(0, "must not be below 0").exactOptional(),
  },
  "must be an object",
);

/** Who may connect to the nodes. */
export const accessOfNodes = oneOf(NodeAccess);

/** Checks the whole mesh, field by field; what fields mean together is checked in mesh-config.ts. */
export const meshSchema: Shape<OllamaMeshArgs> = z.strictObject(
  {
    nodes: z
      .array(nodeSchema, "must be a list of nodes")
      .min(1, "must have at least one node")
      .max(500, "must have at most 500 nodes"),
    models,
    image: image.exactOptional(),
    ollama: ollamaSchema.exactOptional(),
    access: accessOfNodes.exactOptional(),
    balancer: balancerSchema.exactOptional(),
    rollout: rolloutSchema.exactOptional(),
    monitoring: monitoringSchema.exactOptional(),
  },
  "must be an object with a list of nodes",
);
