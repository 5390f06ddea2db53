// keepalived for two balancers, where engines reach no Debian mirror.
import { cp } from "node:fs/promises";
import { join } from "node:path";

import { debianRootfs } from "../debian-rootfs.mjs";

/** By keepalived-image.ts, and what the nginx image brings along. */
const PACKAGES = ["keepalived", "iproute2", "curl", "ca-certificates"];

/** @type {import("../docker-image.mjs").Recipe} */
export const KEEPALIVED_IMAGE = {
  name: "keepalived",
  sources: ["keepalived"],
  async prepare(context, detail) {
    await cp(join(import.meta.dirname, "Dockerfile"), join(context, "Dockerfile"));
    await debianRootfs(join(context, "rootfs.tar"), PACKAGES, { detail });
  },
};
