// Figures: what /metrics and /status.json weigh and take in a large mesh.
//   OLLAMA_MESH_NGINX_IMAGE=... node test/figures/metrics-size.ts
import { Balancer } from "../behaviour/harness/balancer.ts";
import { ask } from "../behaviour/harness/client.ts";
import { njsProgram } from "../../templates/njs-program.ts";

const NODES = 50;
const MODELS = 20;
const KEYS = 20;
const TIMES = 21;

const image = process.env["OLLAMA_MESH_NGINX_IMAGE"];
if (!image) throw new Error("OLLAMA_MESH_NGINX_IMAGE names no image");

/** Counts as if every node had answered every key with every model, some quickly and some slowly. */
const FILL = `
import { countRequest } from "./counters.js";
import { sums } from "./history.js";
import { history } from "./memory.js";
import { pairOf } from "./pair.js";
function fill() {
  if (texts().get("filled")) return;
  texts().set("filled", "1");
  const models = Array.from({ length: ${MODELS} }, (_, at) => "model-of-some-length-" + at + ":32b-q4_K_M");
  for (let node = 0; node < ${NODES}; node++) {
    const name = "rack" + node + "-gpu0";
    for (const [at, model] of models.entries()) {
      for (let key = 0; key < ${KEYS}; key++) {
        for (const seconds of [0.3, 3, 20]) {
          const status = key === 0 && at === 0 ? "500" : "200";
          countRequest({ pair: pairOf(name + "|" + model), key: "team-" + key, status, seconds, firstByte: seconds / 10, bytes: 4000 });
        }
      }
    }
    const listed = models.map((model) => ({ name: model, size: 2e10, size_vram: 2e10 }));
    texts().set("r:" + name, JSON.stringify(listed));
    const gpuPercent = Object.fromEntries(models.map((model) => [model, 100]));
    texts().set("a:" + name, JSON.stringify({ well: true, seen: true, bad: 0, disk: models, loaded: models, gpuPercent, version: "0.32.15", error: "" }));
  }
  const items = counters().items(1000000);
  for (let turn = 0; turn < 361; turn++) history().set("x" + turn, JSON.stringify(sums(items, Date.now() - turn * 10000)));
}
`;

const program = njsProgram();
const scrape = program["scrape.js"]!.replace(
  "export function metrics(r) {",
  "export function metrics(r) {\n  fill();",
);
// Nobody is asked: what was filled in stays.
const main = program["main.js"]!.replace(
  "  poll,\n  pollGone,\n",
  "  poll: () => {},\n  pollGone: () => {},\n",
);
const nodes = Array.from({ length: NODES }, (_, at) => ({
  name: `rack${at}-gpu0`,
  managed: false,
  address: `10.9.0.${at + 1}`,
}));

await using balancer = await Balancer.start(
  image,
  { nodes, balancer: { management: { port: 11435 } } },
  { beside: (files) => ({ ...files, "scrape.js": `${scrape}\n${FILL}`, "main.js": main }) },
);
const first = await ask(`${balancer.managementUrl}/metrics`);
if (first.status !== 200) throw new Error(await balancer.said());
for (const path of ["/metrics", "/status.json"]) {
  const took: number[] = [];
  let bytes = 0;
  for (let count = 0; count < TIMES; count++) {
    const began = performance.now();
    const { text } = await ask(`${balancer.managementUrl}${path}`);
    took.push(performance.now() - began);
    bytes = Buffer.byteLength(text);
  }
  took.sort((one, other) => one - other);
  console.log(
    `${path}: ${Math.round(bytes / 1000)} kB, ${took[TIMES >> 1]!.toFixed(0)} ms in the middle of ${TIMES}, ${took[0]!.toFixed(0)} ms at best`,
  );
}
