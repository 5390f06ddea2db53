// The first change of many a mesh: from this machine alone to all addresses, at the same port.
import { afterAll, expect, test, vi } from "vitest";

import { story } from "../../support/report/story.ts";
import { atLab, nginxImage } from "../support/lab.ts";
import { Stack } from "../support/stack.ts";

vi.setConfig({ testTimeout: 240_000 });
story();

let stack: Stack | undefined;
const lab = () => stack!;
const config = (listen: object = {}) => ({
  nodes: [{ name: "gone", managed: false, address: "192.0.2.1", maintenance: true }],
  balancer: { image: nginxImage(), listen },
});

atLab(async () => {
  stack = await Stack.init(config());
});
afterAll(async () => {
  await stack?.[Symbol.asyncDispose]();
}, 60_000);

test("the balancer's own port is not in its way, there and back", async () => {
  await lab().up();
  for (const listen of [{ address: "0.0.0.0" }, {}]) {
    await lab().configure(config(listen));
    await lab().up();
    expect((await fetch(`http://127.0.0.1:${lab().port}/healthz`)).status).toBe(200);
    expect((await lab().preview()).changes).toEqual([]);
  }
});
