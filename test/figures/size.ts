// How long `pulumi up` takes as a mesh grows, measured and printed, never asserted. Run it as
// `node toolchain/exec.mjs node test/figures/size.ts [nodes...]`, with the lab's images and model
// named in the environment as test/support/needs.ts lists them.
// Its figures stand in docs/measurements.md, "How long an up takes".
import { availableParallelism, loadavg } from "node:os";

import type { Ran } from "../engine/support/pulumi.ts";
import { Stack } from "../engine/support/stack.ts";
import { lacking } from "../support/needs.ts";

const missing = lacking("OLLAMA_MESH_OLLAMA_IMAGE", "OLLAMA_MESH_NGINX_IMAGE", "OLLAMA_MESH_MODEL");
if (missing) throw new Error(missing);

const sizes = process.argv.slice(2).map(Number);
if (sizes.length === 0) sizes.push(3, 12, 20, 50);

const rows: string[][] = [["nodes", "what", "seconds", "changes"]];
const show = (nodes: number, what: string, { seconds, changes }: Ran) => {
  rows.push([String(nodes), what, seconds.toFixed(1), String(changes.length)]);
  console.error(rows.at(-1)!.join("  "));
};

const config = (count: number, weight = 1) => ({
  nodes: Array.from({ length: count }, (_, i) => ({
    name: `n${i + 1}`,
    ...(i === 0 ? { weight } : {}),
  })),
  models: [process.env["OLLAMA_MESH_MODEL"]],
  image: process.env["OLLAMA_MESH_OLLAMA_IMAGE"],
  balancer: { image: process.env["OLLAMA_MESH_NGINX_IMAGE"] },
});

console.error(`${availableParallelism()} cores, load ${loadavg()[0]!.toFixed(1)} at the start`);
for (const size of sizes) {
  const stack = await Stack.init(config(size));
  try {
    show(size, "first up", await stack.up());
    show(size, "up without a change", await stack.up());
    show(size, "preview without a change", await stack.preview());
    await stack.configure(config(size, 2));
    show(size, "a weight", await stack.up());
    if (size > 3) {
      await stack.configure(config(3, 2));
      show(size, "down to 3", await stack.up());
      await stack.configure(config(size, 2));
      show(size, `3 to ${size}`, await stack.up());
    }
    show(size, "destroy", await stack.destroy());
  } finally {
    await stack[Symbol.asyncDispose]();
  }
}
for (const row of rows)
  console.log(
    row
      .map((cell) => cell.padEnd(26))
      .join("")
      .trimEnd(),
  );
