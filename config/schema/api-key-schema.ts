import { z } from "zod";
import type { ApiKeyArgs } from "../balancer-args.ts";
import { model } from "./node-schema.ts";
import { matching, whole, type Shape } from "./patterns.ts";

const DATE = 'must be a day as "2027-03-31", in quotes';

/** Whether there is such a day: 2027-02-30 is none. */
const isDay = (text: string): boolean => {
  if (!/^\d{4}-\d\d-\d\d$/.test(text)) return false;
  const time = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text);
};

/** Checks an API key. */
export const apiKey: Shape<ApiKeyArgs> = z.strictObject(
  {
    name: matching(/^[a-z0-9][a-z0-9._@-]{0,60}$/i, "must be a name as anna or ci-runner"),
    key: matching(
      /^[A-Za-z0-9._~+/=-]{16,256}$/,
      "must be 16 to 256 characters of letters, digits and ._~+/=-",
    ),
    models: z
      .array(model, "must be a list of model names")
      .min(1, "must name a model; leave it out for all")
      .exactOptional(),
    tokensPerDay: whole(1, 1_000_000_000_000).exactOptional(),
    requestsPerDay: whole(1, 1_000_000_000).exactOptional(),
    expires: z.string(DATE).refine(isDay, DATE).exactOptional(),
  },
  "must be an object as {name: anna, key: ...}",
);
