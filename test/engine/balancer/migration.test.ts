// The first up over a mesh of a version before, whose balancer was one container.
import { afterAll, beforeEach, expect, test, vi } from "vitest";

import { story } from "../../support/report/story.ts";
import { checkoutOf, type SecondCheckout } from "../support/checkout.ts";
import { openConnections } from "../support/connections.ts";
import { containers } from "../support/containers.ts";

import { atLab } from "../support/lab.ts";
import { requireServing, rollConfig } from "../support/roll.ts";
import { MIGRATED } from "./migrated.ts";
import { Stack } from "../support/stack.ts";

vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 });

/** The last commit whose balancer was one container. */
const BEFORE = "f164149";

story();

let checkout: SecondCheckout | undefined;
let stack: Stack;

atLab(async () => {
  checkout = await checkoutOf(BEFORE);
  if (!checkout) return;
  // Of its time: a setting that it does not know would be refused.
  stack = await Stack.init(rollConfig());
  const ran = await stack.change("up", [], checkout.folder);
  expect(ran.code, ran.output).toBe(0);
});
beforeEach((context) => {
  if (!checkout) context.skip(`needs commit ${BEFORE}, which a shallow clone has not`);
});
afterAll(async () => {
  await stack?.[Symbol.asyncDispose]();
  await checkout?.[Symbol.asyncDispose]();
});

/** Without the program that knows nodes, whose health check would replace them. */
const plain = () => {
  const config = rollConfig();
  return { ...config, balancer: { ...(config["balancer"] as object), routing: "plain" } };
};

test("a preview says that the balancer is replaced, and touches no node", async () => {
  await stack.configure(plain());
  expect((await stack.preview()).changes.map(short).toSorted()).toEqual([
    ...MIGRATED,
    "update balancer-config",
  ]);
});

test("clients are refused for a moment, and no node is touched", async () => {
  const { balancer, ...nodes } = await containers(stack.mesh);
  const clients = openConnections(`${stack.url}/healthz`, { perSecond: 100 });
  const ran = await stack.up();
  const seen = await clients.stop();
  expect(ran.changes.map(short)).not.toContain("create-replacement a");
  // Less than a second on a machine that has time for it.
  expect(seen.failedFor).toBeLessThan(5);
  const { balancer: front, "balancer-nginx": nginx, ...others } = await containers(stack.mesh);
  expect(others).toEqual(nodes);
  expect(front!.id).not.toBe(balancer!.id);
  expect(nginx!.running).toBe(true);
  await requireServing(stack, "a", "b", "c");
});

test("then there is nothing to do", async () => {
  expect((await stack.preview()).changes).toEqual([]);
  const refreshed = await stack.tryUp("--refresh");
  expect(refreshed.code, refreshed.output).toBe(0);
  expect(refreshed.changes).toEqual([]);
});

const short = (change: string) => change.replace(`${stack.mesh}-`, "");
