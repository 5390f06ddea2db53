// The lab's nginx image with apt, as the official one has it: for what is built on an nginx image.
import { cp } from "node:fs/promises";
import { dirname, join } from "node:path";

import { debianRootfs } from "../debian-rootfs.mjs";

const NGINX = join(dirname(import.meta.dirname), "nginx");

const PACKAGES = ["nginx", "libnginx-mod-http-js", "curl", "ca-certificates", "apt"];

/** @type {import("../docker-image.mjs").Recipe} */
export const NGINX_WITH_APT_IMAGE = {
  name: "nginx-with-apt",
  sources: ["nginx", "nginx-with-apt"],
  async prepare(context, detail) {
    for (const file of ["Dockerfile", "nginx.conf", "default.conf"]) {
      await cp(join(NGINX, file), join(context, file));
    }
    const packages = [...PACKAGES, "debian-archive-keyring"];
    await debianRootfs(join(context, "rootfs.tar"), packages, { detail });
  },
};
