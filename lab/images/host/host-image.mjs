// The image of a simulated LAN machine.
import { cp } from "node:fs/promises";
import { join } from "node:path";

import { debianRootfs } from "../debian-rootfs.mjs";

const HERE = import.meta.dirname;

/** passwd for useradd; procps so that tests may kill what runs on a machine by name. */
const PACKAGES = [
  ...["openssh-server", "docker.io", "docker-cli", "iptables", "iproute2"],
  ...["ca-certificates", "curl", "passwd", "procps"],
];

/** @type {import("../docker-image.mjs").Recipe} */
export const HOST_IMAGE = {
  name: "host",
  sources: ["host"],
  async prepare(context, detail) {
    for (const file of ["Dockerfile", "start", "engine"]) {
      await cp(join(HERE, file), join(context, file));
    }
    await debianRootfs(join(context, "rootfs.tar"), PACKAGES, { detail });
  },
};
