import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { WORKERS } from "../../steps/balancer/nginx-workers.ts";
import { njsProgram } from "../../templates/njs-program.ts";
import { lacking } from "../support/needs.ts";
import { until } from "../../toolchain/until.mjs";
import { ask, BrokenAnswer, nodeOf } from "../behaviour/harness/client.ts";
import type { RoutedOptions } from "./harness/routed-data.ts";
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
    // The node gives a token only when the client has the one before it: whoever holds one back stops the stream.
    const allow = (count: number) => mesh.nodes.forEach((node) => (node.allowed = count));
    let seen = 0;
    const onPiece = (text: string) => {
      seen += text.split('"token"').length - 1;
      allow(seen + 1);
    };
    allow(1);
    try {
      const answer = await mesh.chat("m", {
        tokens: 10,
        onPiece,
        signal: AbortSignal.timeout(20_000),
      });
      expect([answer.status, answer.pieces.length, seen]).toEqual([200, expect.any(Number), 10]);
      expect(answer.pieces.length).toBeGreaterThanOrEqual(10);
    } finally {
      allow(Infinity);
    }
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
  test.each<[string, string, RoutedOptions]>([
    [
      "choosing",
      "no hint: Error: fault",
      {
        program: {
          "choose.js": `export const choose = () => { throw new Error("fault"); }; export const anyWillDo = choose; export const loadPrice = choose; export const somebody = choose;\n`,
        },
      },
    ],
    [
      "reading the view",
      "no hint: Error: fault",
      {
        program: {
          "view.js": `export const current = () => { throw new Error("fault"); }; export const show = () => {}; export const lookUp = current; export const nodesOf = current; export const viewOf = current; export const poolOf = () => ""; export const spelling = current;\n`,
        },
        unknown: true,
      },
    ],
    [
      "taking a place",
      "no hint: Error: fault",
      {
        program: {
          "places.js": `export const CROWDED = -1; export const take = () => { throw new Error("fault"); }; export const giveBack = take; export const heal = () => ({ healed: 0, inFlight: new Map() }); export const move = take;\n`,
        },
      },
    ],
    ["using shared memory", "no list: Error: fault", { program: memory(""), unknown: true }],
    [
      "an answer begins",
      "begin of an answer was not counted: Error: fault",
      { program: memory("p:", "set") },
    ],
    [
      "a request ends",
      "end of a request was not counted: Error: fault",
      { program: memory("p:", "set") },
    ],
    [
      "a token of a service passes",
      "a token was not counted: Error: fault",
      {
        program: memory("p:", "set"),
        told: { a: { kind: "service" }, b: { kind: "service" } },
        unknown: true,
      },
    ],
  ])("a fault while %s costs nobody a request", async (_, said, options) => {
    await using mesh = await RoutedMesh.start(
      image,
      ["a", "b"].map((name) => ({ name, models: ["m:latest"] })),
      options,
    );
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => mesh.chat("m", { tokens: 3 })),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array(50).fill(200));
    expect(answers.map(({ text }) => text.split('"token"').length - 1)).toEqual(Array(50).fill(3));
    expect(new Set(answers.map(nodeOf))).toEqual(new Set(["a", "b"]));
    expect((await ask(`${mesh.balancer.url}/api/tags`)).status).toBe(200);
    // Of a service nothing is known before its first answer to a poll.
    const faulted = async () => {
      await mesh.chat("m", { tokens: 3 });
      return (await mesh.balancer.said()).includes(said);
    };
    await until("fault", faulted, { seconds: 30 });
  });
});

/** memory.js of the program, with zones that fail for keys with this begin, all methods or this one. */
function memory(begin: string, method?: string): Record<string, string> {
  const faulty = `
const shared = new Proxy({}, { get: (_, zone) => new Proxy({}, { get: (_, name) => (key, ...rest) => {
  if (String(key).startsWith("${begin}") && ${method ? `name === "${method}"` : "true"}) throw new Error("fault");
  return ngx.shared[zone][name](key, ...rest);
} }) });
`;
  const source = njsProgram()["memory.js"] ?? "";
  return { "memory.js": faulty + source.replaceAll("(ngx.shared.", "(shared.") };
}
