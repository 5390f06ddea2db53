// How a balancer that knows its nodes takes faults of one of three nodes, in seconds, with eight clients. Three
// minutes. Usage: OLLAMA_MESH_NGINX_IMAGE=... node test/figures/router/faults.ts [one of the faults, or workers]
import { setTimeout as pause } from "node:timers/promises";

import { WORKERS } from "../../../steps/balancer/nginx-workers.ts";
import { until } from "../../../toolchain/until.mjs";
import { owning } from "../../behaviour/harness/owned.ts";
import { clients } from "../../router/harness/clients.ts";
import type { ForkedModelNode } from "../../router/harness/forked-model-node.ts";
import type { Fault, ModelNode } from "../../router/harness/model-node.ts";
import { RoutedMesh } from "../../router/harness/routed-mesh.ts";

const image = process.env["OLLAMA_MESH_NGINX_IMAGE"];
if (!image) throw new Error("OLLAMA_MESH_NGINX_IMAGE is not set; npm test prepares the image");

const WANTED = process.argv[2];
const CLIENTS = 8;
const WARM_SECONDS = 5;
const FAULT_SECONDS = 15;
/** What has not come by then does not come. */
const MOST = { seconds: 60 };

const three = ["a", "b", "c"].map((name) => ({
  name,
  models: ["m:latest"],
  places: 4,
  everyMs: 50,
}));

type Clients = ReturnType<typeof clients>;

/** Seconds after a moment, "-" where there was none. */
const after = (moment: number, at: number | undefined) =>
  at === undefined || at < moment ? "-" : ((at - moment) / 1000).toFixed(1);

const columns = ["fault of b", "last request for it, s", "verdict, s", "stuck", "errors", "broken"];
console.log(`| ${[...columns, "used again, s"].join(" | ")} |`);
console.log(`|${" --- |".repeat(7)}`);

/** Makes a fault, ends it, and prints what clients saw. */
async function row<N extends ModelNode | ForkedModelNode>(
  name: string,
  mesh: RoutedMesh<N>,
  begin: (node: N) => void | Promise<void>,
  end: (node: N) => void | Promise<void>,
): Promise<void> {
  if (WANTED !== undefined && WANTED !== name) return;
  const node = mesh.node("b");
  const load: Clients = clients(mesh as RoutedMesh<never>, CLIENTS);
  await pause(WARM_SECONDS * 1000);
  const from = Date.now();
  await begin(node);
  let verdict: string | undefined;
  const other = async () => (await mesh.verdict("b")) !== "ok" && Date.now();
  const judged = until("verdict", other, { seconds: FAULT_SECONDS }).catch(() => undefined);
  await pause(FAULT_SECONDS * 1000);
  const at = await judged;
  if (at) verdict = `${await mesh.verdict("b")} (first ${after(from, at)})`;
  // Who was sent there in vain has no answer yet, and waits.
  const stuck = load.made.filter((one) => one.node === undefined && one.failed === undefined);
  const waiting = stuck.filter(({ at: made }) => Date.now() - made > 5000);
  const last = Math.max(0, ...waiting.map(({ at: made }) => made));
  const until_ = Date.now();
  await end(node);
  const answered = () =>
    load.made.find((one) => one.at > until_ && one.node === "b" && one.failed === undefined);
  const again = await until("answer of it", async () => answered(), MOST).catch(() => undefined);
  await load.stop();
  const errors = load.made.filter(({ failed, broken }) => failed && !broken).length;
  const cells = [
    after(from, last),
    verdict ?? "ok",
    waiting.length,
    `${errors} of ${load.made.length}`,
    load.made.filter(({ broken }) => broken).length,
  ];
  console.log(`| ${[name, ...cells, after(until_, again?.at)].join(" | ")} |`);
}

await owning(async (own) => {
  const mesh = own(await RoutedMesh.startForked(image, three));
  await row(
    "frozen",
    mesh,
    (node) => node.freeze(),
    (node) => node.thaw(),
  );
  await row(
    "killed",
    mesh,
    (node) => node.die(),
    (node) => node.listen(),
  );
});

const faults: [string, Fault][] = [
  ["wedged", "wedged"],
  ["500 at once", "broken"],
  ["503 at once", "unavailable"],
  ["reset at once", "reset"],
  ["hangs at once", "silent"],
];
await owning(async (own) => {
  const mesh = own(await RoutedMesh.start(image, three));
  for (const [name, fault] of faults) {
    await row(
      name,
      mesh,
      (node) => void (node.fault = fault),
      (node) => void (node.fault = "none"),
    );
  }

  if (WANTED !== undefined && WANTED !== "workers") return;
  console.log("\n| workers, six streams | counters right after s |\n| --- | --- |");
  const sum = async () => Object.values(await mesh.inFlight()).reduce((all, one) => all + one, 0);
  const is = (count: number) =>
    until(`count of ${count}`, async () => (await sum()) === count, MOST);
  const kills: [string, string][] = [
    ["one killed", "kill -9 $(workers | tr ' ' '\\n' | head -n 1)"],
    ["all killed", "kill -9 $(workers)"],
  ];
  for (const [name, kill] of kills) {
    await is(0);
    let broken = 0;
    const all = Array.from({ length: 6 }, () =>
      mesh.chat("m", { tokens: 200 }).catch(() => void broken++),
    );
    await is(6);
    await mesh.balancer.exec("sh", "-c", `${WORKERS}\n${kill}`);
    const from = Date.now();
    await until("broken streams", async () => broken > 0 || Date.now() - from > 1000, MOST);
    await until("count of the rest", async () => (await sum()) === 6 - broken, MOST);
    console.log(`| ${name}, ${broken} streams broken | ${after(from, Date.now())} |`);
    await Promise.all(all);
  }
  await is(0);
  const all = Array.from({ length: 6 }, () => mesh.chat("m", { tokens: 200 }));
  await is(6);
  await mesh.reload();
  const from = Date.now();
  await is(6);
  console.log(`| reload, no stream broken | ${after(from, Date.now())} |`);
  await Promise.all(all);
});
