// What clients see that come when all places are taken: how fast they are refused, how long the others wait, and how
// right the time is that they are told. One minute.
// Usage: OLLAMA_MESH_NGINX_IMAGE=... node test/figures/router/queue.ts [clients] [rounds]
import { until } from "../../../toolchain/until.mjs";
import { ask } from "../../behaviour/harness/client.ts";
import { owning } from "../../behaviour/harness/owned.ts";
import { RoutedMesh } from "../../router/harness/routed-mesh.ts";
import { quantile } from "../minimal-nginx.ts";

const image = process.env["OLLAMA_MESH_NGINX_IMAGE"];
if (!image) throw new Error("OLLAMA_MESH_NGINX_IMAGE is not set; npm test prepares the image");

const CLIENTS = Number(process.argv[2] ?? 200);
const ROUNDS = Number(process.argv[3] ?? 3);
/** Two nodes with four places, answers of a second: eight answers per second. */
const PLACES = 4;
const TOKENS = 20;
const EVERY_MS = 50;
/** Longest wait that the balancer lets a request have. */
const LONGEST_SECONDS = 5;

const body = JSON.stringify({ model: "m", messages: [{ content: `n=${TOKENS}` }] });
/** A new connection each, as different clients have. */
const request = (url: string) => ask(`${url}/api/chat`, { body });
const print = (of: string, values: readonly number[], unit: string) => {
  const [half, most] = [0.5, 0.99].map((part) => quantile(values, part).toFixed(0));
  console.log(`| ${of} | ${half} | ${most} | ${Math.max(...values).toFixed(0)} | ${unit} |`);
};

await owning(async (own) => {
  const mesh = own(
    await RoutedMesh.startForked(
      image,
      ["a", "b"].map((name) => ({ name, models: ["m:latest"], places: PLACES, everyMs: EVERY_MS })),
      { data: { longestWaitSeconds: LONGEST_SECONDS } },
    ),
  );
  const url = mesh.balancer.bridgeUrl;
  const inFlight = async () =>
    Object.values(await mesh.inFlight()).reduce((sum, one) => sum + one, 0);
  const empty = () => until("places free", async () => (await inFlight()) === 0, { seconds: 60 });
  // So that it is known how long an answer takes.
  for (let round = 0; round < 3; round++) {
    await Promise.all(Array.from({ length: 2 * PLACES }, () => request(url)));
  }
  const refusedMs: number[][] = [];
  const waitedMs: number[] = [];
  const told: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    await empty();
    const first = Array.from({ length: 2 * PLACES }, () => request(url));
    await until("all places taken", async () => (await inFlight()) === 2 * PLACES, { seconds: 10 });
    const answers = await Promise.all(Array.from({ length: CLIENTS }, () => request(url)));
    await Promise.all(first);
    const served = answers.filter(({ status }) => status === 200);
    const refused = answers.filter(({ status }) => status === 503);
    if (served.length + refused.length !== CLIENTS) throw new Error("another status");
    const waits = served.map(({ headerMs }) => headerMs);
    waitedMs.push(...waits);
    refusedMs.push(refused.map(({ totalMs }) => totalMs));
    // A place is free for who comes back once all have theirs that were let wait.
    const freeSeconds = Math.max(...waits) / 1000;
    told.push(...refused.map(({ headers }) => Number(headers["retry-after"]) / freeSeconds));
  }
  const refusals = refusedMs.flat().length;
  await until("lines in the log", async () => (await logged()).length >= refusals, { seconds: 10 });
  const lines = await logged();
  console.log(
    `${CLIENTS} clients while all places are taken, longest wait ${LONGEST_SECONDS} s, ${ROUNDS} rounds: ` +
      `${waitedMs.length} waited, ${refusals} were refused\n`,
  );
  console.log("| | p50 | p99 | most | |\n| --- | --- | --- | --- | --- |");
  print(
    "refusal, in nginx",
    lines.map((line) => Number(line["seconds"]) * 1000),
    "ms",
  );
  // The program is made anew for each request beyond those that a worker has had at the same time.
  print("refusal, at a client, the first time that so many come", refusedMs[0]!, "ms");
  print("refusal, at a client, later", refusedMs.slice(1).flat(), "ms");
  print("first byte of those that waited", waitedMs, "ms");
  print(
    "Retry-After against when a place was free",
    told.map((ratio) => 100 * ratio),
    "%",
  );

  async function logged() {
    return (await mesh.balancer.log()).filter((line) => line["refused"] === "503");
  }
});
