import { z } from "zod";
import type { QueueArgs, StickyArgs } from "../balancer-args.ts";
import { headerName, matching, whole, type Shape } from "./patterns.ts";

/** What keeps a client on its node. */
export const sticky: Shape<StickyArgs> = z.strictObject(
  {
    cookie: matching(/^[A-Za-z_][\w-]{0,60}$/, "must be the name of a cookie").exactOptional(),
    header: headerName.exactOptional(),
    promptBytes: whole(0, 4096).exactOptional(),
    expiresSeconds: whole(1, 31_536_000).exactOptional(),
  },
  "must be an object as {cookie: mesh} or {header: X-Session-ID}",
);

/** How long a request may wait. */
export const queue: Shape<QueueArgs> = z.strictObject(
  { longestWaitSeconds: whole(1, 86_400).exactOptional() },
  "must be an object as {longestWaitSeconds: 60}",
);
