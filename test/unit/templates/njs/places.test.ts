import { beforeEach, expect, test, vi } from "vitest";

import { pairOf } from "../../../../templates/njs/requests/pair.js";
import { headers } from "../../../../templates/njs/requests/watch.js";
import { CROWDED, giveBack, heal, move, take } from "../../../../templates/njs/requests/places.js";
import { zones } from "../shared-memory.ts";

const numbers = zones["mesh_numbers_1"]!;
const held = zones["mesh_held_1"]!;
const texts = zones["mesh_texts_1"]!;
vi.stubGlobal("ngx", { shared: zones });

beforeEach(() => {
  numbers.clear();
  held.clear();
});

const M = "m:latest";
const everybody = () => true;

test("a place is taken while the node has one, and given back", () => {
  expect(take(pairOf(`a|${M}`), 2)).toBe(1);
  expect(take(pairOf(`a|${M}`), 2)).toBe(2);
  expect(take(pairOf(`a|${M}`), 2)).toBe(0);
  expect(numbers.get("i:a")).toBe(2);
  expect(giveBack(pairOf(`a|${M}`))).toBe(1);
  expect(take(pairOf("a|other"), 2)).toBe(2);
});

test("what is in flight is counted by node and model, of all workers", () => {
  take(pairOf(`a|${M}`), 9);
  take(pairOf(`a|${M}`), 9);
  take(pairOf("b|x|y"), 9);
  giveBack(pairOf(`a|${M}`));
  held.incr(`1|a|${M}`, 3);
  const { healed, inFlight } = heal(everybody);
  expect(healed).toBe(0);
  expect(Object.fromEntries(inFlight)).toEqual({ [`a|${M}`]: 4, "b|x|y": 1 });
});

test("beyond what may be in flight at all nodes together nobody gets a place, until one is given back", () => {
  expect(take(pairOf(`a|${M}`), 9, 2)).toBe(1);
  expect(take(pairOf(`b|${M}`), 9, 2)).toBe(1);
  expect(take(pairOf(`c|${M}`), 9, 2)).toBe(CROWDED);
  expect([numbers.get("i"), numbers.get("i:c")]).toEqual([2, undefined]);
  move(pairOf(`a|${M}`), pairOf(`c|${M}`));
  expect(take(pairOf(`a|${M}`), 9, 2)).toBe(CROWDED);
  giveBack(pairOf(`c|${M}`));
  expect(take(pairOf(`a|${M}`), 0, 2)).toBe(0);
  expect(take(pairOf(`a|${M}`), 9, 2)).toBe(1);
  expect(numbers.get("i")).toBe(2);
});

test("all that is in flight is counted anew, with workers whose program did not count it and without those that are gone", () => {
  take(pairOf(`a|${M}`), 9);
  held.incr(`1|a|${M}`, 2);
  held.incr(`2|b|${M}`, 3);
  heal((pid) => pid !== "1");
  expect(numbers.get("i")).toBe(4);
});

test("a place goes along to the node that answers in fact", () => {
  take(pairOf(`a|${M}`), 9);
  move(pairOf(`a|${M}`), pairOf(`b|${M}`));
  expect([numbers.get("i:a"), numbers.get("i:b")]).toEqual([0, 1]);
  expect(heal(everybody).inFlight.get(`b|${M}`)).toBe(1);
});

test("what a worker held that is gone is given back once, and counts nowhere", () => {
  take(pairOf(`a|${M}`), 9);
  numbers.incr("i:a", 2);
  held.incr(`1|a|${M}`, 2);
  const isAlive = (pid: string) => pid !== "1";
  expect(heal(isAlive).healed).toBe(2);
  expect(numbers.get("i:a")).toBe(1);
  const again = heal(isAlive);
  expect(again.healed).toBe(0);
  expect(again.inFlight.get(`a|${M}`)).toBe(1);
});

test("a place that no room is left to note is not taken, or nobody would give it back", () => {
  take(pairOf(`a|${M}`), 9);
  vi.spyOn(held, "incr").mockImplementation(() => {
    throw new Error("no memory");
  });
  expect(() => take(pairOf("a|other"), 9)).toThrow("no memory");
  expect(() => move(pairOf(`a|${M}`), pairOf(`b|${M}`))).toThrow("no memory");
  vi.restoreAllMocks();
  expect([numbers.get("i:a"), numbers.get("i:b")]).toEqual([1, 0]);
});

/** What the header filter makes of an answer that came from another node than that of the choice. */
function answered(node: string, status: number) {
  const rank = { loaded: [], disk: [], backup: [], drain: [], doubt: [], gone: [] };
  texts.set(
    "view",
    JSON.stringify({
      nodes: ["a", "b", "c"].map((name) => ({ name })),
      models: { [M]: { ...rank, loaded: [0], disk: [2] } },
    }),
  );
  numbers.set("view", 1);
  take(pairOf(`a|${M}`), 9);
  const request = {
    uri: "/v1/chat/completions",
    variables: { mesh_place: `0a|${M}`, mesh_node: node } as Record<string, string>,
    ...{ status, headersOut: {}, done: () => undefined },
    error: (text: string) => {
      throw new Error(text);
    },
  };
  headers(request as unknown as NginxHTTPRequest);
  return request;
}

test("a node that nginx went on to and that has not the model does not say that there is none", () => {
  const request = answered("b", 404);
  expect(request).toMatchObject({ status: 503, headersOut: { "Retry-After": "5" } });
  expect(JSON.parse(JSON.parse(request.variables["mesh_refusal"]!).body)).toEqual({
    error: {
      message: `node a, which has model '${M}', takes no connection, and the next one has it not; try again`,
      type: "server_error",
      param: null,
      code: "node_unavailable",
    },
  });
  expect(request.variables["mesh_place"]).toBe(`0b|${M}`);
  expect(heal(everybody).inFlight.get(`b|${M}`)).toBe(1);
});

test.each([
  ["of one that has the model", "c", 404],
  ["that is none", "b", 200],
  ["of the node of the choice", "a", 404],
])("a 404 %s passes", (_, node, status) => {
  const request = answered(node, status);
  expect(request).toMatchObject({ status, headersOut: {} });
  expect(request.variables).not.toHaveProperty("mesh_refusal");
});
