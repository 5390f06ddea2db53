import { beforeEach, describe, expect, test, vi } from "vitest";

import { poll } from "../../../../templates/njs/nodes/inventory.js";
import { tick } from "../../../../templates/njs/nodes/tick.js";
import { zones } from "../shared-memory.ts";
import { fetch, ollama } from "../stand-in-ollama.ts";

vi.mock("fs", () => {
  const fs = { readFileSync: () => "nginx" };
  return { default: fs, ...fs };
});
vi.mock("../../../../templates/njs/data.js", () => ({
  default: {
    nodes: [{ name: "a", kind: "ollama", url: "http://a", places: 4 }],
    choice: "earliest",
    judged: true,
    longestWaitSeconds: 60,
    waitingPerPlace: 64,
    loadSeconds: 20,
  },
}));
vi.stubGlobal("ngx", { shared: zones, fetch });

const numbers = zones["mesh_numbers_1"]!;
const leases = zones["mesh_leases_1"]!;
const counters = zones["mesh_counters_2"]!;

const M = "m:latest";
const PAIR = `a|${M}`;

beforeEach(() => {
  for (const zone of Object.values(zones)) zone.clear();
  Object.assign(ollama, { disk: [M], loaded: [], silent: () => false, asked: [] });
});

describe("what is kept of models that are gone", () => {
  const KEPT = [PAIR, "a|", "a|x|y"];
  const GONE = ["a|old:1b", "b|m:latest", "a|fled:1b"];

  test("is forgotten, but for what is in flight there", async () => {
    ollama.disk = [M, "x|y"];
    zones["mesh_held_1"]!.set("1|a|fled:1b", 1);
    zones["mesh_held_1"]!.set("1|a|old:1b", 0);
    await poll();
    for (const pair of [...KEPT, ...GONE]) {
      numbers.set(`p:${pair}`, 1);
      numbers.set(`gn:${pair}`, 1);
    }
    numbers.set("i:b", 0);
    leases.clear();
    tick();
    const left = numbers.keys().filter((key) => /^(p|gn|i):/.test(key));
    const stays = [...KEPT, "a|fled:1b"].flatMap((pair) => [`p:${pair}`, `gn:${pair}`]);
    expect(left.sort()).toEqual([...stays, "i:b"].sort());
  });

  test("is kept of a node that has not told yet what it has", async () => {
    ollama.silent = () => true;
    numbers.set(`p:${PAIR}`, 1);
    await poll();
    expect(numbers.get(`p:${PAIR}`)).toBe(1);
  });

  test("goes from the counters only where these need the room, and the hour begins anew", async () => {
    await poll();
    const stays = [`r|a|${M}|200`, "r|||404", `k|team|${M}|200`, "K|team|", "mesh_probes_total"];
    const goes = ["r|a|old:1b|200", `d|b|${M}|3`, "F|a|old:1b", "p|team|old:1b"];
    for (const key of [...stays, ...goes]) counters.set(key, 1);
    const look = () => {
      leases.clear();
      tick();
      return counters.keys();
    };
    expect(look()).toEqual([...stays, ...goes]);
    expect(zones["mesh_history_1"]!.keys()).toHaveLength(1);
    counters.free = 100;
    expect(look()).toEqual(stays);
    expect(zones["mesh_history_1"]!.keys()).toHaveLength(0);
    counters.free = 1000;
  });
});
