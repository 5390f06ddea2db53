// How long `pulumi up` takes over ssh as a LAN grows, measured and printed, never asserted. Run it as
// `node toolchain/exec.mjs node test/figures/lan-size.ts [hosts...]`, with the lab's images and model
// named in the environment as test/support/needs.ts lists them. Every host is a simulated machine with
// an engine of its own and one node; the first one has the balancer too.
// Its figures stand in docs/measurements.md, "How long an up takes".
import { availableParallelism, loadavg, tmpdir } from "node:os";
import { join } from "node:path";

import { builtImage } from "../../lab/images/docker-image.mjs";
import { HOST_IMAGE } from "../../lab/images/host/host-image.mjs";
import { lanDown, lanUp } from "../../lab/lan/machines.mjs";
import { nginxImage, ollamaImage } from "../engine/support/lab.ts";
import { ownStackName, removeDeadMeshes } from "../engine/support/leftovers.ts";
import type { Ran } from "../engine/support/pulumi.ts";
import type { Stack } from "../engine/support/stack.ts";
import { TestLan } from "../lan/support/lan.ts";
import { lacking } from "../support/needs.ts";

const missing = lacking("OLLAMA_MESH_OLLAMA_IMAGE", "OLLAMA_MESH_NGINX_IMAGE", "OLLAMA_MESH_MODEL");
if (missing) throw new Error(missing);

const sizes = process.argv.slice(2).map(Number);
if (sizes.length === 0) sizes.push(3, 12);

const rows: string[][] = [["hosts", "what", "seconds", "changes", "longest"]];
const show = (hosts: number, what: string, { seconds, changes, output }: Ran) => {
  const cells = [String(hosts), what, seconds.toFixed(1), String(changes.length), longest(output)];
  rows.push(cells);
  console.error(cells.join("  "));
};

/** The three operations that took longest, without the mesh's name. */
function longest(output: string): string {
  const all = output.matchAll(
    /ollama-mesh-test-[0-9a-f]{4}-\d+-[0-9a-f]{4}-(\S+) (\w+ed) \(([\d.]+)s\)/g,
  );
  return [...all]
    .map(([, name, done, seconds]) => ({
      text: `${name} ${done} ${seconds} s`,
      seconds: +seconds!,
    }))
    .toSorted((a, b) => b.seconds - a.seconds)
    .slice(0, 3)
    .map(({ text }) => text)
    .join(", ");
}

console.error(`${availableParallelism()} cores, load ${loadavg()[0]!.toFixed(1)} at the start`);
await removeDeadMeshes();
for (const count of sizes) {
  // A name by which a later run finds what a dead one left.
  const name = `lan-${ownStackName()}`;
  const folder = join(tmpdir(), name);
  let stack: Stack | undefined;
  try {
    const image = await builtImage(HOST_IMAGE);
    const began = performance.now();
    const images = [nginxImage(), ollamaImage()];
    const lan = new TestLan(await lanUp({ name, folder, count, image, images }));
    console.error(`${count} machines after ${((performance.now() - began) / 1000).toFixed(0)} s`);
    const nodes = (first: object) =>
      Array.from({ length: count }, (_, i) => ({
        name: `n${i + 1}`,
        host: lan.host(i + 1).endpoint,
        // On the balancer's own engine it gets an address in the mesh's network.
        ...(i === 0 ? first : { address: lan.host(i + 1).address }),
      }));
    stack = await lan.stack({ nodes: nodes({}) });
    show(count, "first up", await stack.up());
    show(count, "up without a change", await stack.up());
    show(count, "preview without a change", await stack.preview());
    const weight = { weight: 2 };
    await stack.configure(lan.config({ nodes: nodes(weight) }));
    show(count, "a weight", await stack.up());
    const setting = { ...weight, ollama: { keepAlive: "23h" } };
    await stack.configure(lan.config({ nodes: nodes(setting) }));
    show(count, "a setting of one node", await stack.up());
    const all = { nodes: nodes(setting), ollama: { contextLength: 2048 } };
    await stack.configure(lan.config(all));
    show(count, "a setting of all, one by one", await stack.up());
    show(count, "destroy", await stack.destroy());
  } finally {
    await stack?.[Symbol.asyncDispose]();
    await lanDown({ name, folder });
  }
}
const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)) + 2);
for (const row of rows) {
  console.log(
    row
      .map((cell, i) => cell.padEnd(widths[i]!))
      .join("")
      .trimEnd(),
  );
}
