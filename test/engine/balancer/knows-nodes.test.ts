// A new nginx knows nothing of its nodes until it has asked them: which models each has, and which is well.
import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, expect, test, vi } from "vitest";

import { until } from "../../../toolchain/until.mjs";
import { bridgeAddress } from "../../behaviour/harness/docker.ts";
import { nextRelease } from "../../live/derived-images.ts";
import { nginxImage, stackOfFile } from "../support/lab.ts";
import { rollConfig } from "../support/roll.ts";

vi.setConfig({ testTimeout: 300_000 });

/** What an Ollama says of itself that has one model, which no other node of the mesh has. */
const TOLD: Record<string, object> = {
  "/api/version": { version: "0.32.15" },
  "/api/tags": { models: [{ name: "elsewhere:latest", model: "elsewhere:latest", details: {} }] },
  "/api/ps": { models: [] },
};

/** A busy node, but not one that is taken for gone: it has two seconds. */
const SLOW_MILLISECONDS = 1100;

let address = "";
let delay = 0;
const elsewhere = createServer(({ url = "" }, answer) => {
  const told = TOLD[url];
  setTimeout(() => {
    answer.writeHead(told ? 200 : 404, { "content-type": "application/json" });
    answer.end(JSON.stringify(told ?? {}));
  }, delay);
});
beforeAll(async () => {
  address = await bridgeAddress();
  await once(elsewhere.listen(0, address), "listening");
});
afterAll(() => elsewhere.close());

const config = (balancer: object = {}) => {
  const { port } = elsewhere.address() as AddressInfo;
  const made = rollConfig([{ name: "a" }, { name: "d", managed: false, address, port }]);
  return { ...made, balancer: { ...(made["balancer"] as object), ...balancer } };
};

const lab = stackOfFile(config, { up: true });

/** Every answer to the list of models that clients got meanwhile, each once. */
async function listsDuring(work: () => Promise<unknown>): Promise<string[]> {
  const seen = new Set<string>();
  let over = false;
  const client = (async () => {
    while (!over) {
      const answer = await fetch(`${lab().url}/api/tags`);
      const { models = [] } = (await answer.json()) as { models?: { name: string }[] };
      seen.add(`${answer.status}: ${models.map(({ name }) => name).join()}`);
      await pause(10);
    }
  })();
  try {
    await work();
  } finally {
    over = true;
    await client;
  }
  return [...seen];
}

test("a new nginx takes the place of the one before once it has asked its nodes", async () => {
  const before = await until(
    "the list of both nodes",
    async () => (await listsDuring(() => pause(100))).find((each) => each.includes("elsewhere")),
    { seconds: 60 },
  );
  delay = SLOW_MILLISECONDS;
  await lab().configure(config({ image: await nextRelease(nginxImage(), "nginx") }));
  expect(await listsDuring(() => lab().up())).toEqual([before]);
});
