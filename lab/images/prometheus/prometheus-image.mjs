// Prometheus and Alertmanager, where engines reach no Docker Hub.
import { cp, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { debianRootfs } from "../debian-rootfs.mjs";
import { builtImage } from "../docker-image.mjs";

/** wget is in the official images, too: they are asked with it whether they are well. */
const PACKAGES = ["prometheus", "prometheus-alertmanager", "wget", "ca-certificates"];

/**
 * Takes the place of prom/prometheus.
 *
 * @type {import("../docker-image.mjs").Recipe}
 */
export const PROMETHEUS_IMAGE = {
  name: "prometheus",
  sources: ["prometheus"],
  async prepare(context, detail) {
    await cp(join(import.meta.dirname, "Dockerfile"), join(context, "Dockerfile"));
    await debianRootfs(join(context, "rootfs.tar"), PACKAGES, { detail });
  },
};

/**
 * Takes the place of prom/alertmanager: the same programs, with another one to start.
 *
 * @type {import("../docker-image.mjs").Recipe}
 */
export const ALERTMANAGER_IMAGE = {
  name: "alertmanager",
  sources: ["prometheus"],
  async prepare(context) {
    const lines = [
      `FROM ${await builtImage(PROMETHEUS_IMAGE)}`,
      'ENTRYPOINT ["/bin/alertmanager"]',
    ];
    await writeFile(join(context, "Dockerfile"), `${lines.join("\n")}\n`);
  },
};
