import { describe, expect, test } from "vitest";

import {
  anyWillDo,
  choose,
  expectedEnd,
  expectedWait,
  longestPromise,
  loadPrice,
} from "../../../../templates/njs/requests/choose.js";
import type { View, ViewedModel, ViewedNode } from "../../../../templates/njs/view.js";

const node = (name: string, more: Partial<ViewedNode> = {}): ViewedNode => ({
  name,
  count: `i:${name}`,
  places: 4,
  limit: 260,
  seconds: 1,
  turn: 0.25,
  makesRoom: false,
  ...more,
});

const model = (more: Partial<ViewedModel>): ViewedModel => ({
  loaded: [],
  disk: [],
  backup: [],
  drain: [],
  doubt: [],
  gone: [],
  ...more,
});

const view = (...nodes: ViewedNode[]): View => ({
  nodes,
  models: {},
  any: model({}),
  complete: true,
});

const load = (inFlight: Record<string, number> = {}, loadSeconds = 20) => ({
  inFlight: ({ name }: ViewedNode) => inFlight[name] ?? 0,
  loadPrice: (of: ViewedNode) => loadPrice(of, loadSeconds),
  random: () => 0,
});

describe("when a request is expected to end", () => {
  test("a node that is twice as slow takes twice as long", () => {
    expect(expectedEnd(2, 4, 0)).toBe(2 * expectedEnd(1, 4, 0));
  });

  test("more requests make a node slower, so that equals are loaded alike", () => {
    expect(expectedEnd(1, 4, 1)).toBe(1.0625);
    expect(expectedEnd(1, 4, 3)).toBeLessThan(expectedEnd(1, 4, 4));
  });

  test("a second in the queue counts two and a half times", () => {
    expect(expectedEnd(1, 4, 4)).toBe(1 + 0.25 + 2.5 / 4);
  });

  test("who finds a place waits for nobody; else the queue moves by turns", () => {
    expect(expectedWait(node("a"), 3)).toBe(0);
    expect(expectedWait(node("a"), 7)).toBe(1);
    expect(expectedWait(node("a", { turn: 0 }), 7)).toBe(0);
  });
});

test("a wait is promised in whole answers, since all of a node's places may become free at once", () => {
  expect(longestPromise(node("a", { turn: 0.3 }), 5)).toBeCloseTo(4.8);
  expect(longestPromise(node("a", { turn: 0.25 }), 5)).toBe(5);
  expect(longestPromise(node("a", { turn: 2 }), 5)).toBe(5);
  expect(longestPromise(node("a", { turn: 0 }), 5)).toBe(5);
});

describe("the choice", () => {
  test("goes where the request ends first", () => {
    const of = view(node("slow", { seconds: 4 }), node("fast"));
    const both = model({ loaded: [0, 1] });
    expect(choose(of, both, load(), 60)).toEqual({ kind: "node", index: 1, loads: false });
    const full = load({ fast: 9 });
    expect(choose(of, both, full, 60)).toEqual({ kind: "node", index: 0, loads: false });
  });

  test("a loaded model goes before one on disk, until waiting takes longer than a quarter of the load", () => {
    const of = view(node("loaded"), node("disk"));
    const ranks = model({ loaded: [0], disk: [1] });
    expect(choose(of, ranks, load({ loaded: 9 }), 60)).toMatchObject({ index: 0, loads: false });
    expect(choose(of, ranks, load({ loaded: 12 }), 60)).toMatchObject({ index: 1, loads: true });
  });

  test("where a load would cost another model its place, the loaded one is waited for longer", () => {
    const of = view(node("loaded"), node("disk", { makesRoom: true }));
    const ranks = model({ loaded: [0], disk: [1] });
    expect(choose(of, ranks, load({ loaded: 50 }), 60)).toMatchObject({ index: 0, loads: false });
    expect(choose(of, ranks, load({ loaded: 200 }), 60)).toMatchObject({ index: 1, loads: true });
  });

  test("a backup is for the time without others, and no relief of full ones before they are", () => {
    const of = view(node("a"), node("spare"));
    const ranks = model({ loaded: [0], backup: [1] });
    expect(choose(of, ranks, load({ a: 9 }), 60)).toMatchObject({ index: 0 });
    expect(choose(of, model({ backup: [1] }), load(), 60)).toMatchObject({ index: 1 });
    expect(choose(of, ranks, load({ a: 260 }), 60)).toMatchObject({ index: 1 });
  });

  test("one in doubt is asked where there is no other", () => {
    const of = view(node("a"), node("doubt"));
    expect(choose(of, model({ doubt: [1] }), load(), 60)).toMatchObject({ index: 1 });
    expect(choose(of, model({ loaded: [0], doubt: [1] }), load({ a: 260 }), 60)).toMatchObject({
      kind: "full",
    });
  });

  test("is that all are full where the wait would be longer than allowed, with that wait", () => {
    const of = view(node("a", { turn: 2 }), node("b", { turn: 1 }));
    const both = model({ loaded: [0, 1] });
    expect(choose(of, both, load({ a: 40, b: 13 }), 9)).toEqual({ kind: "full", seconds: 10 });
    expect(choose(of, both, load({ a: 40, b: 13 }), 12)).toMatchObject({ kind: "node", index: 1 });
  });

  test("is none where no node has the model", () => {
    expect(choose(view(node("a")), model({ gone: [0] }), load(), 60)).toEqual({ kind: "none" });
  });
});

test("nginx's own method may choose where every one of its nodes can answer", () => {
  expect(anyWillDo(view(), model({ loaded: [0], disk: [1] }), 2)).toBe(true);
  expect(anyWillDo(view(), model({ loaded: [0], doubt: [1] }), 2)).toBe(false);
});
