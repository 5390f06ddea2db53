import { beforeEach, expect, test, vi } from "vitest";

import { poll } from "../../../../templates/njs/nodes/inventory.js";
import { probe } from "../../../../templates/njs/nodes/probe.js";
import { tick } from "../../../../templates/njs/nodes/tick.js";
import { ended } from "../../../../templates/njs/requests/ended.js";
import { route } from "../../../../templates/njs/requests/hint.js";
import type { Watched } from "../../../../templates/njs/requests/watch.js";
import { isWhole } from "../../../../templates/njs/requests/whole-answer.js";
import { zones } from "../shared-memory.ts";
import { fetch, ollama } from "../stand-in-ollama.ts";

const PLACES = vi.hoisted(() => 4);
const M = "m:latest";
const PAIR = `a|${M}`;

vi.mock("../../../../templates/njs/nodes/other-nginx.js", () => ({
  isBesideAnother: () => false,
}));
vi.mock("fs", () => {
  const fs = { readFileSync: () => "nginx" };
  return { default: fs, ...fs };
});
vi.mock("../../../../templates/njs/data.js", () => ({
  default: {
    nodes: [{ name: "a", kind: "ollama", url: "http://a", places: PLACES }],
    choice: "earliest",
    judged: true,
    longestWaitSeconds: 600,
    waitingPerPlace: 64,
    loadSeconds: 20,
  },
}));
vi.stubGlobal("ngx", { shared: zones, fetch });

const numbers = zones["mesh_numbers_1"]!;

beforeEach(async () => {
  vi.useFakeTimers({ now: Date.parse("2026-11-26T12:00:00Z") });
  for (const zone of Object.values(zones)) zone.clear();
  Object.assign(ollama, { disk: [M], loaded: [{ name: M }], silent: () => false, asked: [] });
  await poll();
  numbers.set(`p:${PAIR}`, Date.now());
  // Many short answers: its habits are known.
  numbers.set(`gn:${PAIR}`, 100);
  numbers.set(`fb:${PAIR}`, 0.2);
  tick();
});

/** A request at its node. */
function asked(stream: boolean): Watched {
  const request = {
    method: "POST",
    uri: "/api/chat",
    status: 200,
    headersIn: {},
    variables: {} as Record<string, string>,
    requestBuffer: Buffer.from(JSON.stringify({ model: M, stream })),
    error: (text: string) => {
      throw new Error(text);
    },
  };
  request.variables["mesh_node"] = route(request as unknown as NginxHTTPRequest);
  return request as unknown as Watched;
}
const fill = (stream: boolean) => Array.from({ length: PLACES }, () => asked(stream));

/** All states of so many seconds in which no token comes: the probe waits in Ollama's queue. */
async function silent(seconds: number): Promise<string[]> {
  const states = new Set<string>();
  ollama.silent = (path) => path === "/api/generate";
  for (let at = 1; at <= seconds; at++) {
    vi.setSystemTime(Date.now() + 1000);
    tick();
    if (at % 2 === 0) await probe();
    const verdicts = JSON.parse(String(zones["mesh_texts_1"]!.get("verdicts"))) as {
      a: { state: string };
    };
    states.add(verdicts.a.state);
  }
  return [...states];
}

function end(request: Watched, seconds: number): void {
  const variables = {
    status: "200",
    request_time: String(seconds),
    upstream_header_time: String(seconds),
    body_bytes_sent: "3000",
    request_length: "100",
  };
  Object.assign(request.variables, variables);
  vi.setSystemTime(Date.now() + 60);
  ended(request);
}

test("a node that is full of streams and gives no token is wedged", async () => {
  fill(true);
  expect(await silent(40)).toEqual(["ok", "quiet", "wedged"]);
});

test("one that is full of answers in one piece is not, though nobody asked for such before", async () => {
  fill(false);
  expect(await silent(200)).toEqual(["ok", "quiet"]);
  expect(ollama.asked.filter(({ path }) => path === "/api/generate")).toEqual([]);
});

test("it is when that lasts for more than four times what they take", async () => {
  for (const request of fill(false)) end(request, 20);
  tick();
  fill(false);
  expect(await silent(75)).toEqual(["ok", "quiet"]);
  expect(await silent(20)).toEqual(["quiet", "wedged"]);
});

test("once they have ended, streams are judged as streams", async () => {
  for (const request of fill(false)) end(request, 4);
  vi.setSystemTime(Date.now() + 2000);
  tick();
  fill(true);
  expect(await silent(40)).toEqual(["ok", "quiet", "wedged"]);
});

const LONG = "x".repeat(2000);
test.each([
  ["/api/chat", { model: "m" }, false],
  ["/api/chat", { model: "m", stream: false }, true],
  ["/api/generate", { stream: false, model: "m", prompt: LONG }, true],
  ["/api/generate", { model: "m", prompt: LONG, stream: false }, true],
  ["/api/generate", { model: "m", prompt: 'say "stream": false' }, false],
  ["/api/embed", { model: "m", input: "x" }, true],
  ["/v1/chat/completions", { model: "m" }, true],
  ["/v1/chat/completions", { messages: [LONG], model: "m", stream: true }, false],
  ["/v1/chat/completions", { tools: [{ properties: { stream: { type: "boolean" } } }] }, true],
  ["/v1/messages", { model: "m", stream: true, messages: [LONG] }, false],
] as const)("an answer of %s to %j comes in one piece: %s", (path, body, whole) => {
  expect(isWhole(path, Buffer.from(JSON.stringify(body)))).toBe(whole);
});
