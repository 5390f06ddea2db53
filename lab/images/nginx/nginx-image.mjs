// The lab's own nginx image.
import { cp } from "node:fs/promises";
import { join } from "node:path";

import { debianRootfs } from "../debian-rootfs.mjs";

const HERE = import.meta.dirname;

/** curl and ca-certificates because the official image has them too, and readiness is asked with curl. */
const PACKAGES = ["nginx", "libnginx-mod-http-js", "curl", "ca-certificates"];

/** @type {import("../docker-image.mjs").Recipe} */
export const NGINX_IMAGE = {
  name: "nginx",
  sources: ["nginx"],
  async prepare(context, detail) {
    for (const file of ["Dockerfile", "nginx.conf", "default.conf"]) {
      await cp(join(HERE, file), join(context, file));
    }
    await debianRootfs(join(context, "rootfs.tar"), PACKAGES, { detail });
  },
};
