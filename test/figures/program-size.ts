// How the program's own work grows with the mesh: previews under Pulumi's mocks, so without engine, plugins and Docker.
// `node toolchain/exec.mjs node test/figures/program-size.ts`. A ratio of 1.0 is linear growth from the first row of
// its shape; CONTRIBUTING.md says what it must hold. The numbers go to docs/measurements.md, "The program by itself".
import { spawnSync } from "node:child_process";

import { OllamaMesh } from "../../components/index.ts";
import { record } from "../support/mocks.ts";

interface Size {
  nodes: number;
  hosts: number;
}

const SHAPES: { title: string; sizes: Size[] }[] = [
  {
    title: "one node a host",
    sizes: [10, 20, 50].map((count) => ({ nodes: count, hosts: count })),
  },
  {
    title: "four nodes a host",
    sizes: [10, 50].map((count) => ({ nodes: 4 * count, hosts: count })),
  },
  { title: "one host", sizes: [10, 50].map((count) => ({ nodes: count, hosts: 1 })) },
];
const RUNS = 3;

const [nodes, hosts] = process.argv.slice(2).map(Number);
if (nodes && hosts) console.log(await seconds({ nodes, hosts }));
else for (const { title, sizes } of SHAPES) show(title, sizes);

/** One preview in this process, which must be fresh: what was compiled for an earlier one counts for it too. */
async function seconds({ nodes, hosts }: Size): Promise<number> {
  const args = {
    models: ["tiny"],
    balancer: { host: "ssh://ops@balancer.lan" },
    nodes: Array.from({ length: nodes }, (_, i) => ({
      name: `node-${i}`,
      host: `ssh://ops@gpu${i % hosts}.lan`,
      address: `10.9.${i % hosts}.1`,
      port: 11434 + Math.floor(i / hosts),
    })),
  };
  const began = performance.now();
  await record(() => new OllamaMesh("mesh", args), { preview: true });
  return (performance.now() - began) / 1000;
}

function show(title: string, sizes: Size[]): void {
  const [first, ...others] = sizes.map((size) => ({ size, took: bestOf(size) }));
  const line = ({ nodes, hosts }: Size, took: number, ratio: number) =>
    console.log(
      `${title}: ${nodes} nodes on ${hosts} hosts  ${took.toFixed(2)} s  ${ratio.toFixed(2)} of linear`,
    );
  line(first!.size, first!.took, 1);
  for (const { size, took } of others) {
    line(size, took, took / first!.took / (size.nodes / first!.size.nodes));
  }
}

/** The least of some runs: the machine's other work only ever adds. */
function bestOf({ nodes, hosts }: Size): number {
  const args = [import.meta.filename, String(nodes), String(hosts)];
  const times = Array.from({ length: RUNS }, () =>
    Number(
      spawnSync("node", args, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] }).stdout,
    ),
  );
  return Math.min(...times);
}
