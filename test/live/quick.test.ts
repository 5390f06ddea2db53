// The scenarios' machinery on a real mesh: what it says of a harmless change, and that it sees a harmful one.
import { afterAll, expect, test, vi } from "vitest";

import { run } from "../../toolchain/command.mjs";
import { until } from "../../toolchain/until.mjs";
import { atLab } from "../engine/support/lab.ts";
import { clients, withLong } from "./load/clients.ts";
import type { LiveOutcome } from "./load/load-process.ts";
import { LiveMesh } from "./live-mesh.ts";
import { meshOf, meshWith } from "./scenario.ts";

vi.setConfig({ testTimeout: 600_000 });

const TURNS = { balancer: { algorithm: "round_robin" } };
const NODES = ["a", "b", "c"];

let live: LiveMesh;
atLab(async () => {
  live = await LiveMesh.start("quick", () => meshOf(...NODES));
});
afterAll(async () => live?.[Symbol.asyncDispose]());

test("a preview shows what changes in nginx's config, line by line", async () => {
  await live.stack.configure(meshWith(TURNS, ...NODES));
  const { output, changes } = await live.stack.preview(undefined, ["--diff"]);
  expect(changes).toEqual([`update ${live.mesh}-balancer-config`]);
  const changed = output.split("\n").filter((line) => /^\s*[-+] /.test(line));
  expect(changed).toEqual([expect.stringMatching(/^\s*- +least_conn;$/)]);
});

test("a change that is a reload costs no request and replaces nothing", async () => {
  const row = await live.planned("algorithm", meshWith(TURNS, ...NODES), {
    touches: ["update balancer-config"],
  });
  expect(row.problems).toEqual([]);
  expect(row).toMatchObject({
    errors: 0,
    broken: 0,
    kept: ["a", "b", "balancer", "balancer-nginx", "c"],
  });
});

test("the streams of a killed node are seen to break, and nothing else is", async () => {
  // In turn over three nodes, one stream of ten seconds after the other. A node that still loaded the model for its first one, or
  // was between two, failed this: so it is some answers after the end of one.
  const groups = withLong(clients({ long: 12 }), {
    tokens: 100,
    everySeconds: 0,
    deadlineSeconds: 280,
  });
  live.order = { ...live.order, groups };
  const row = await live.trouble("a is killed", async ({ load }) => {
    const streamed = ({ node, firstByte, ended }: LiveOutcome) =>
      node === "a" && firstByte !== undefined && ended - firstByte > 1000;
    await until("a long stream of a", async () => load.outcomes.some(streamed), { seconds: 300 });
    await load.more(24);
    await run("docker", ["kill", `${live.mesh}-a`]);
  });
  expect(row.broken).toBeGreaterThan(0);
  expect(row.errors).toBe(0);
  expect(row.secondsToClean).toBeGreaterThan(0);
  expect(Object.keys(row.failures)).toEqual([expect.stringContaining('in the stream, node "a"')]);
});
