import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { WORKERS } from "../../steps/balancer/nginx-workers.ts";
import { lacking } from "../support/needs.ts";
import { until } from "../../toolchain/until.mjs";
import { BrokenAnswer, nodeOf } from "../behaviour/harness/client.ts";
import { RoutedMesh } from "./harness/routed-mesh.ts";

const why = lacking("OLLAMA_MESH_NGINX_IMAGE");
const image = process.env.OLLAMA_MESH_NGINX_IMAGE ?? "";

/** A count that is not right by then is not going to be. */
const RIGHT_SECONDS = 30;
const EVERY_MS = 50;

describe.skipIf(why)(`places at nodes${why ? ` (${why})` : ""}`, () => {
  let mesh: RoutedMesh;
  beforeAll(async () => {
    mesh = await RoutedMesh.start(
      image,
      ["a", "b"].map((name) => ({ name, models: ["m:latest"], places: 4, everyMs: EVERY_MS })),
    );
  });
  afterAll(() => mesh?.[Symbol.asyncDispose]());
  beforeEach(() => settled());

  const busy = async (count: number) => {
    await until("streams under way", async () => (await sum()) === count, { seconds: 30 });
  };
  const sum = async () => Object.values(await mesh.inFlight()).reduce((all, one) => all + one, 0);
  /** Every place given back. */
  const settled = () =>
    until("count of 0", async () => (await sum()) === 0, { seconds: RIGHT_SECONDS });
  const streams = (count: number, tokens: number, signal?: AbortSignal) =>
    Array.from({ length: count }, () =>
      mesh.chat("m", { tokens, ...(signal ? { signal } : {}) }).catch((error: unknown) => {
        if (error instanceof BrokenAnswer) return error;
        throw error;
      }),
    );

  test("requests are spread by who is free", async () => {
    const answers = await Promise.all(streams(8, 20));
    const by = answers.map((one) => (one instanceof BrokenAnswer ? "broken" : nodeOf(one)));
    expect(by.sort()).toEqual(["a", "a", "a", "a", "b", "b", "b", "b"]);
  });

  test("each token is passed on as it comes", async () => {
    const { pieces } = await mesh.chat("m", { tokens: 10 });
    expect(pieces.length).toBeGreaterThanOrEqual(10);
    expect(pieces.at(-1)!.ms - pieces[0]!.ms).toBeGreaterThan(8 * EVERY_MS);
  });

  test("clients that leave give their places back", async () => {
    const leave = new AbortController();
    const all = streams(6, 1000, leave.signal);
    await busy(6);
    leave.abort();
    await Promise.all(all);
    await settled();
  });

  test("a client that leaves while it waits at the node gives its place back", async () => {
    const leave = new AbortController();
    const all = streams(12, 1000, leave.signal);
    await busy(12);
    leave.abort();
    await Promise.all(all);
    await settled();
  });

  test("a place moves to the node that answers in fact", async () => {
    const gone = mesh.node("a");
    await gone.die();
    const all = streams(4, 40);
    await until("all at the other", async () => (await mesh.inFlight())["b"] === 4, {
      seconds: 10,
    });
    expect(await mesh.inFlight()).toEqual({ a: 0, b: 4 });
    const answers = await Promise.all(all);
    expect(answers.map((one) => one instanceof BrokenAnswer)).toEqual(Array(4).fill(false));
    await gone.listen();
    await settled();
  });

  test("killed workers' places come back", async () => {
    const before = (await mesh.metrics()).get("mesh_healed_places_total") ?? 0;
    const all = streams(6, 1000);
    await busy(6);
    await mesh.balancer.exec("sh", "-c", `${WORKERS}\nkill -9 $(workers)`);
    expect((await Promise.all(all)).every((one) => one instanceof BrokenAnswer)).toBe(true);
    await settled();
    expect((await mesh.metrics()).get("mesh_healed_places_total")).toBe(before + 6);
    expect((await mesh.chat("m")).status).toBe(200);
  });

  test("streams of workers with an older config still count", async () => {
    const all = streams(6, 60);
    await busy(6);
    await mesh.reload();
    expect(await sum()).toBe(6);
    const answers = await Promise.all(all);
    expect(answers.every((one) => !(one instanceof BrokenAnswer) && one.status === 200)).toBe(true);
    await settled();
  });

  test("requests that all nodes fail give their places back", async () => {
    for (const node of mesh.nodes) await node.die();
    const answers = await Promise.all(streams(4, 1));
    expect(answers.map((one) => (one instanceof BrokenAnswer ? one.code : one.status))).toEqual(
      Array(4).fill(503),
    );
    await settled();
    for (const node of mesh.nodes) await node.listen();
    await until("nodes back", async () => (await mesh.chat("m")).status === 200, { seconds: 30 });
  });
});

describe.skipIf(why)(`a program with a fault${why ? ` (${why})` : ""}`, () => {
  test.each([
    [
      "choosing",
      {
        "choose.js": `export const choose = () => { throw new Error("fault"); }; export const anyWillDo = choose;\n`,
      },
    ],
    [
      "reading the view",
      {
        "view.js": `export const current = () => { throw new Error("fault"); }; export const show = () => {}; export const lookUp = current; export const nodesOf = current;\n`,
      },
    ],
    [
      "watching tokens",
      {
        "places.js": `export const take = () => true; export const giveBack = () => {}; export const heal = () => 0; export const move = () => { throw new Error("fault"); };\n`,
      },
    ],
  ])("a fault while %s costs nobody a request", async (_, program) => {
    await using mesh = await RoutedMesh.start(
      image,
      ["a", "b"].map((name) => ({ name, models: ["m:latest"] })),
      { program, unknown: true },
    );
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => mesh.chat("m", { tokens: 3 })),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array(50).fill(200));
    expect(new Set(answers.map(nodeOf))).toEqual(new Set(["a", "b"]));
  });
});
