import { beforeEach, expect, test, vi } from "vitest";

import { noteOut } from "../../../../templates/njs/nodes/out-of-traffic.js";
import { outWith } from "../../../../templates/njs/requests/out-with.js";
import { zones } from "../shared-memory.ts";

const { data, kept } = vi.hoisted(() => ({
  data: { pools: undefined as string[] | undefined },
  kept: { text: "" },
}));
vi.mock("../../../../templates/njs/data.js", () => ({ default: data }));
vi.mock("fs", () => {
  const fs = {
    readFileSync: () => {
      if (kept.text === "") throw new Error("no such file");
      return kept.text;
    },
  };
  return { default: fs, ...fs };
});
vi.stubGlobal("ngx", { shared: zones });

const texts = zones["mesh_texts_1"]!;
const told = (node: string, facts: object) =>
  texts.set(`a:${node}`, JSON.stringify({ disk: [], loaded: [], ...facts }));
const nodesWith = (pool: string, model: string) => outWith(pool, (one) => one === model);

beforeEach(() => {
  texts.clear();
  data.pools = undefined;
  kept.text = JSON.stringify({
    servers: { there: { line: "server a;" }, kept: { line: "server b down;" } },
    expected: ["there", "kept", "changed"],
  });
});

test("nodes that are declared and get no requests have what they told before", () => {
  told("there", { disk: ["m:latest"] });
  told("kept", { disk: ["m:latest", "k:1b"] });
  told("changed", { disk: ["m:latest"], loaded: ["c:1b"] });
  told("removed", { disk: ["r:1b"] });
  noteOut();
  expect(nodesWith("", "m:latest").sort()).toEqual(["changed", "kept"]);
  expect(["k:1b", "c:1b", "r:1b"].map((model) => nodesWith("", model))).toEqual([
    ["kept"],
    ["changed"],
    [],
  ]);
});

test("a pool's clients hear of its own nodes", () => {
  data.pools = ["chat"];
  told("changed", { disk: ["m:latest"], pool: "chat" });
  noteOut();
  expect([nodesWith("chat", "m:latest"), nodesWith("", "m:latest")]).toEqual([["changed"], []]);
});

test("where the file of the steps cannot be read nobody is out", () => {
  kept.text = "";
  told("changed", { disk: ["m:latest"] });
  noteOut();
  expect(nodesWith("", "m:latest")).toEqual([]);
});
