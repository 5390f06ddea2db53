// What keys have used, while nginx is replaced under them.
import { beforeAll, expect, test, vi } from "vitest";

import { run } from "../../../toolchain/command.mjs";
import { until } from "../../../toolchain/until.mjs";
import type { MeshUsage, Used } from "../../../templates/status/mesh-usage.ts";
import { nextRelease } from "../../live/derived-images.ts";
import { model, nginxImage, stackOfFile } from "../support/lab.ts";
import { rollConfig } from "../support/roll.ts";

vi.setConfig({ testTimeout: 400_000 });

const KEY = "test-key-of-anna-0001";
const ALLOWED = 40;
const config = (balancer: object = {}) => {
  const made = rollConfig([{ name: "a" }, { name: "b" }]);
  const apiKeys = [{ name: "anna", key: KEY, requestsPerDay: ALLOWED }];
  const access = { apiKeys, countTokens: true };
  return { ...made, balancer: { ...(made["balancer"] as object), access, ...balancer } };
};

const lab = stackOfFile(() => config(), { up: true });

/** What keys use is counted by the day, of UTC: what runs over midnight would see two. */
const leftOfDay = () => 86_400 - ((Date.now() / 1000) % 86_400);
beforeAll(async () => {
  const enough = async () => leftOfDay() > 600;
  await until("a day that lasts long enough", enough, { seconds: 660, everyMs: 1000 });
}, 700_000);

const ask = async (): Promise<number> => {
  const body = { model: model(), prompt: "the quick brown fox", options: { num_predict: 64 } };
  const response = await fetch(`${lab().url}/api/generate`, {
    method: "POST",
    headers: { authorization: `Bearer ${KEY}` },
    body: JSON.stringify(body),
  });
  const last = (await response.text()).trimEnd().split("\n").at(-1)!;
  if (response.status === 200) tokens += (JSON.parse(last) as { eval_count: number }).eval_count;
  return response.status;
};
/** Of all answers, as their last lines say. */
let tokens = 0;

const inFront = (script: string) =>
  run("docker", ["exec", `${lab().mesh}-balancer`, "sh", "-c", script]);
const used = async (): Promise<Used | undefined> => {
  const text = await inFront("curl -s http://127.0.0.1:8081/usage.json");
  const all = Object.values((JSON.parse(text) as MeshUsage).days).flat();
  expect(all.length).toBeLessThanOrEqual(1);
  return all[0];
};
const usedAre = (requests: number) =>
  until(
    `${requests} requests with ${tokens} tokens`,
    async () => {
      const seen = await used();
      return seen?.requests === requests && seen.answerTokens === tokens;
    },
    { seconds: 30 },
  );

test("another nginx image, and nginx killed: what was used goes on, and so does the quota", async () => {
  for (let turn = 0; turn < 5; turn++) expect(await ask()).toBe(200);
  await usedAre(5);
  await lab().configure(config({ image: await nextRelease(nginxImage(), "nginx") }));
  const during: Promise<number>[] = [];
  let over = false;
  const clients = (async () => {
    while (!over && during.length < 25) {
      during.push(ask());
      await during.at(-1);
    }
  })();
  await lab().up();
  over = true;
  await clients;
  expect(new Set(await Promise.all(during))).toEqual(new Set([200]));
  await usedAre(5 + during.length);
  // What ended in the last second is not written yet.
  await until(
    "all is written",
    async () => {
      const files = await run("docker", [
        ...["run", "--rm", "--volume", `${lab().mesh}-usage:/usage:ro`, "--entrypoint", "sh"],
        ...[nginxImage(), "-c", "cat /usage/*.json"],
      ]);
      const counts = [...files.matchAll(/"requests":(\d+)/g)].map(([, count]) => Number(count));
      return counts.reduce((sum, count) => sum + count, 0) === 5 + during.length;
    },
    { seconds: 30 },
  );
  const left = ALLOWED - 5 - during.length;
  await inFront(
    "kill -9 $(grep -l '^nginx: master' /proc/[0-9]*/cmdline | cut -d/ -f3 | head -n 1)",
  );
  await until(
    "nginx answers again",
    async () => (await used().catch(() => undefined)) !== undefined,
    {
      seconds: 60,
    },
  );
  await usedAre(5 + during.length);
  const rest = [];
  for (let turn = 0; turn < left + 3; turn++) rest.push(await ask());
  expect(rest).toEqual([...Array<number>(left).fill(200), 429, 429, 429]);
  await usedAre(ALLOWED);
});
