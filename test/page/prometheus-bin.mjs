// Prometheus, promtool and node_exporter out of Debian's packages, unpacked and not installed: installed ones would start
// by themselves.
import { rename } from "node:fs/promises";
import { join } from "node:path";

import { built } from "../../toolchain/cache.mjs";
import { run } from "../../toolchain/command.mjs";

const PACKAGES = ["prometheus", "prometheus-node-exporter"];
const PROGRAMS = ["prometheus", "promtool", "prometheus-node-exporter"];

/** @returns {Promise<string>} the folder with the programs, from the packages that apt on this machine knows */
export async function ensurePrometheus() {
  const packages = await Promise.all(
    PACKAGES.map(async (name) => {
      const known = await run("apt-cache", ["show", "--no-all-versions", name]);
      const version = /^Version: (.*)$/m.exec(known)?.[1];
      if (version) return `${name}=${version}`;
      throw new Error(`apt on this machine knows no package ${name}; apt-get update may help`);
    }),
  );
  return built("prometheus", packages, async (folder) => {
    await run("apt-get", ["download", ...packages], { cwd: folder });
    const unpack = 'for each in *.deb; do dpkg -x "$each" . && rm "$each"; done';
    await run("sh", ["-c", unpack], { cwd: folder });
    for (const name of PROGRAMS) {
      await rename(join(folder, "usr/bin", name), join(folder, name));
    }
    await run("rm", ["-rf", "usr", "etc", "lib", "var"], { cwd: folder });
  });
}
