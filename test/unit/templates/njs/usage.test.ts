import { beforeEach, expect, test, vi } from "vitest";

import {
  countAsked,
  countTokens,
  dayOf,
  secondsLeft,
  today,
} from "../../../../templates/njs/usage/day.js";
import { ended } from "../../../../templates/njs/requests/ended.js";
import type { Watched } from "../../../../templates/njs/requests/watch.js";
import { keepUsage, usageSince, write } from "../../../../templates/njs/usage/files.js";
import { expired, otherModel, takeToday } from "../../../../templates/njs/usage/quota.js";
import type { KeyLimits } from "../../../../templates/router-data.ts";
import { zones } from "../shared-memory.ts";

const files = vi.hoisted(() => new Map<string, string>());

vi.mock("fs", () => {
  const name = (path: string) => path.replace("/var/lib/ollama-mesh/", "");
  const fs = {
    readdirSync: () => [...files.keys()],
    readFileSync: (path: string) => files.get(name(path)),
    writeFileSync: (path: string, text: string) => void files.set(name(path), text),
    renameSync: (from: string, to: string) => {
      files.set(name(to), files.get(name(from))!);
      files.delete(name(from));
    },
    unlinkSync: (path: string) => void files.delete(name(path)),
  };
  return { default: fs, ...fs };
});

vi.mock("../../../../templates/njs/data.js", () => ({
  default: {
    nodes: [],
    keys: {
      anna: {},
      few: { requestsPerDay: 3 },
      little: { tokensPerDay: 100 },
      one: { models: ["m:latest", "q:7b"] },
      old: { expires: "2026-11-25" },
    } satisfies Record<string, KeyLimits>,
  },
}));

vi.stubGlobal("ngx", { shared: zones });

beforeEach(() => {
  for (const zone of Object.values(zones)) zone.clear();
  files.clear();
});

const NOON = Date.parse("2026-11-26T12:00:00Z");
const DAY = "2026-11-26";
const M = "m:latest";

const request = (key: string, body: unknown = { model: "m" }, more: object = {}) =>
  ({
    uri: "/api/chat",
    headersIn: {},
    variables: { mesh_key: key },
    requestText: typeof body === "string" ? body : JSON.stringify(body),
    ...more,
  }) as unknown as NginxHTTPRequest;
const take = (key: string, limits: KeyLimits, now = NOON) =>
  takeToday(request(key), key, limits, now);
const use = (key: string, model: string, prompt: number, answer: number, estimated = false) => {
  countAsked(key, DAY, model);
  countTokens(key, DAY, model, { prompt, answer, estimated });
};
/** A new nginx before the same files. */
const restart = () => {
  for (const zone of Object.values(zones)) zone.clear();
};

test("a day is UTC's, and ends at midnight", () => {
  expect(dayOf(NOON)).toBe(DAY);
  expect(secondsLeft(NOON)).toBe(43_200);
  expect(secondsLeft(Date.parse("2026-11-26T23:59:59.500Z"))).toBe(1);
});

test("of a key's requests as many are let in as it has, and those refused do not count", () => {
  const limits = { requestsPerDay: 3 };
  expect([1, 2, 3].map(() => take("few", limits))).toEqual([undefined, undefined, undefined]);
  const refused = take("few", limits);
  expect(refused).toMatchObject({ status: 429, retryAfterSeconds: 43_200, by: "requestsPerDay" });
  expect(today("few", DAY)).toEqual({ requests: 3, tokens: 0 });
  expect(take("few", limits, NOON + 86_400_000)).toBeUndefined();
});

test("tokens of prompts and answers end a day", () => {
  const limits = { tokensPerDay: 100 };
  use("little", M, 60, 39);
  expect(take("little", limits)).toBeUndefined();
  use("little", M, 0, 1);
  expect(take("little", limits)).toMatchObject({ status: 429, by: "tokensPerDay" });
});

test("each nginx has its own file, and what all used is their sum", () => {
  use("anna", M, 10, 20);
  use("anna", M, 1, 2, true);
  expect(write()).toBe(true);
  restart();
  use("anna", M, 100, 200);
  use("few", "q:7b", 5, 6);
  expect(write()).toBe(true);
  expect([...files.keys()].map((name) => name.replace(/\.[a-z0-9]+\./, ".*."))).toEqual([
    "usage-2026-11-26.*.json",
    "usage-2026-11-26.*.json",
  ]);
  expect(usageSince(DAY)).toEqual({
    [DAY]: [
      { key: "anna", model: M, requests: 3, promptTokens: 111, answerTokens: 222, estimated: 1 },
      { key: "few", model: "q:7b", requests: 1, promptTokens: 5, answerTokens: 6, estimated: 0 },
    ],
  });
});

test("a new nginx goes on with what others have counted today", () => {
  for (let index = 0; index < 2; index++) use("few", M, 30, 30);
  write();
  restart();
  expect(take("few", { requestsPerDay: 3 })).toBeUndefined();
  expect(take("few", { requestsPerDay: 3 })).toMatchObject({ status: 429 });
  expect(today("few", DAY)).toEqual({ requests: 3, tokens: 120 });
});

test("a file that another one still writes is read again within seconds", () => {
  use("little", M, 50, 0);
  write();
  const [[name, text] = ["", ""]] = [...files];
  restart();
  keepUsage(NOON);
  expect(today("little", DAY).tokens).toBe(50);
  files.set(name, text.replace('"promptTokens":50', '"promptTokens":70'));
  keepUsage(NOON + 1000);
  expect(today("little", DAY).tokens).toBe(50);
  keepUsage(NOON + 2000);
  expect(today("little", DAY).tokens).toBe(70);
});

test("the timer writes once a turn, however fast others count: their requests would stand still", () => {
  let writes = 0;
  use("anna", M, 1, 1);
  const counts = vi.spyOn(files, "set").mockImplementation(function (this: Map<string, string>) {
    // Each file is written, then put in place.
    if (++writes < 2000) zones["mesh_usage_1"]!.incr("changed", 1);
    return this;
  });
  keepUsage(NOON);
  counts.mockRestore();
  expect(writes).toBe(2);
});

test("nothing is written while nothing changes", () => {
  use("anna", M, 1, 1);
  write();
  files.clear();
  write();
  expect([...files]).toEqual([]);
});

test("what is above access.limits is counted as refused, and of what else nginx refuses by itself nothing", () => {
  for (const status of ["429", "401", "404"]) {
    ended({ variables: { mesh_key: "anna", status, body_bytes_sent: "80" } } as unknown as Watched);
  }
  expect(zones["mesh_counters_2"]!.items()).toEqual([
    ["r|||429", 1],
    ["k|anna||429", 1],
    ["K|anna|", 80],
  ]);
});

test("a day that is over stays as it was written, and files go after 400 days", () => {
  files.set("usage-2025-10-22.a.json", "{}");
  files.set("usage-2025-10-23.a.json", "{}");
  files.set("notes.txt", "");
  use("anna", M, 1, 1);
  keepUsage(NOON);
  keepUsage(NOON + 86_400_000);
  const names = [...files.keys()].map((name) => name.replace(/\.[a-z0-9]{9,}\./, ".*."));
  expect(names).toEqual(["usage-2025-10-23.a.json", "notes.txt", "usage-2026-11-26.*.json"]);
  expect(usageSince(DAY)[DAY]).toMatchObject([{ key: "anna", requests: 1 }]);
  expect(zones["mesh_usage_1"]!.keys().filter((key) => key.includes(DAY))).toEqual([]);
});

test("a file that cannot be read counts nothing", () => {
  files.set(`usage-${DAY}.a.json`, "{");
  files.set(`usage-${DAY}.b.json`, '{"format":2,"usage":[{"key":"anna"}]}');
  expect(usageSince(DAY)).toEqual({ [DAY]: [] });
});

test("a key is taken on its last day, and refused from the next", () => {
  expect(expired(request("old"), Date.parse("2026-11-25T23:59:59Z"))).toBeUndefined();
  expect(expired(request("old"), Date.parse("2026-11-26T00:00:00Z"))).toMatchObject({
    status: 401,
    by: "expires",
  });
  expect(expired(request("anna"), NOON)).toBeUndefined();
});

test.each<[string, unknown, string, object?]>([
  ["its model", { model: "m" }, "m"],
  ["by its tag", { model: "m:latest" }, "m:latest"],
  ["the other one", { model: "q:7b" }, "q:7b"],
  ["as the command ollama asks", { model: "", name: "m" }, "m"],
  ["a field of OpenAI's that is called name", { model: "m", name: "x" }, "m", { uri: "/v1/x" }],
  [
    "in a form",
    '--x\r\ncontent-disposition: form-data; name="model"\r\n\r\nm\r\n--x--',
    "m",
    { headersIn: { "Content-Type": "multipart/form-data; boundary=x" } },
  ],
])("a key with models may use %s", (_, body, name, more) => {
  expect(otherModel(request("one", body, more), name, undefined)).toBeUndefined();
});

test.each<[string, unknown, string, object?]>([
  ["another one", { model: "other" }, "other"],
  ["another tag", { model: "m:7b" }, "m:7b"],
  ["none", {}, ""],
  ["one in front of another", '{"model":"m","model":"other"}', "m"],
  ["one taken back", '{"model":"m","model":null}', "m"],
  ["another in capitals", { model: "m", MODEL: "other" }, "m"],
  ["another as an escape", '{"model":"m","\\u004dodel":"other"}', "m"],
  ["another as its name", { model: "m", name: "other" }, "m"],
  ["what is no JSON", '{"model":"m"', "m"],
  ["null", "null", "m"],
  [
    "another before what looks like a form",
    ' {"model":"other"}\r\n--x\r\nname="model"\r\n\r\nm\r\n--x--',
    "m",
    { headersIn: { "Content-Type": "multipart/form-data; boundary=x" } },
  ],
  [
    "two in a form",
    '--x\r\nname="model"\r\n\r\nm\r\n--x\r\nname=model\r\n\r\nother',
    "m",
    { headersIn: { "Content-Type": "multipart/form-data; boundary=x" } },
  ],
])("a key with models may not name %s", (_, body, name, more) => {
  expect(otherModel(request("one", body, more), name, undefined)).toMatchObject({
    status: 403,
    by: "models",
  });
});
