// What `ollama-mesh status` makes of what a balancer says, with a stand-in for the docker command.
import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test, vi } from "vitest";

import { UsageError, type Given } from "../../../cli/command.ts";
import { askStatus, askUsage } from "../../../cli/status/ask-status.ts";
import { status } from "../../../cli/status/status.ts";
import { statusText } from "../../../cli/status/status-text.ts";
import { usageText } from "../../../cli/status/usage-text.ts";
import type { MeshUsage } from "../../../templates/status/mesh-usage.ts";
import type { RoutedStatus } from "../../../templates/status/mesh-status.ts";
import { standInDocker } from "../../support/stand-in-docker.ts";

const BALANCER = {
  endpoint: "ssh://ops@rack1",
  container: "lab-balancer",
  volume: "lab-config",
  network: "lab-network",
};
const minute = { seconds: 60, ended: 30, failed: 0, refused: {} };
const STATUS: RoutedStatus = {
  format: 1,
  routing: "models",
  now: 0,
  config: { hash: "f00dfeedf00dfeed", since: 0, current: true },
  problems: [{ of: "node b", text: "does not answer, for 30 s", grave: true }],
  nodes: [
    {
      name: "a",
      kind: "ollama",
      state: "ok",
      since: 0,
      error: "",
      version: "0.32.15",
      backup: false,
      drain: true,
      inFlight: 1,
      places: 4,
      expectedSeconds: 1,
      bytesPerSecond: 12_300,
      models: [
        { name: "big:70b", loaded: false },
        { name: "m:latest", loaded: true, state: "ok", bytes: 4_900_000_000, gpuPercent: 100 },
      ],
    },
  ],
  away: { maintenance: ["z"], out: [] },
  models: [{ name: "m:latest", loaded: ["a"], disk: [], notWell: ["b"] }],
  traffic: {
    minute,
    hour: {
      ...minute,
      seconds: 3600,
      ended: 1800,
      refused: { "429": 3 },
      firstByte: { p50: 0.2, p95: 0.9, p99: 2 },
      duration: { p50: 3, p95: 12, p99: 30 },
    },
    series: [],
  },
};

test("what is wrong comes first, then nodes, models, requests and the config", () => {
  expect(statusText({ balancer: "lab-balancer", host: "ssh://ops@rack1", status: STATUS })).toEqual(
    [
      "lab-balancer: 1 problem",
      "  node b  does not answer, for 30 s",
      "",
      "NODE  STATE         IN FLIGHT  SPEED    IN MEMORY                     ON DISK  VERSION",
      "a     ok, draining  1 of 4     12 kB/s  m:latest (4.9 GB, 100 % GPU)  big:70b  0.32.15",
      "z     maintenance   -          -        -                             -        -",
      "",
      "MODEL     IN MEMORY OF  ON DISK OF  NOT WELL",
      "m:latest  a             -           b",
      "",
      "requests: 0.5 per second in the last 60 s; 1800 in the last 60 min, 3 refused with 429",
      "first token: half within 0.2 s, 95 % 0.9 s, 99 % 2 s; whole answer: half within 3 s, 95 % 12 s, 99 % 30 s",
      "config: f00dfeedf00dfeed",
    ],
  );
});

test("the balancer is asked in its container, on its own engine", async () => {
  const { commands } = standInDocker(`printf '%s' '{"format":1,"routing":"plain"}\n200'`);
  const asked = await askStatus(BALANCER);
  expect(asked).toEqual({
    balancer: "lab-balancer",
    host: "ssh://ops@rack1",
    status: { format: 1, routing: "plain" },
  });
  expect(commands()).toEqual([
    expect.stringMatching(
      /^exec -i lab-balancer curl .* http:\/\/127\.0\.0\.1:8081\/status\.json$/,
    ),
  ]);
  expect(statusText(asked)).toEqual([
    "lab-balancer: it serves; with routing: plain nginx keeps to itself which nodes are well. ollama-mesh doctor asks them",
  ]);
});

test("a balancer that does not answer, or not so, is said with the way out", async () => {
  standInDocker('echo "Error response from daemon: No such container: lab-balancer" >&2; exit 1');
  expect(statusText(await askStatus(BALANCER))).toEqual([
    expect.stringMatching(
      /^lab-balancer: it does not answer \(.*No such container: lab-balancer\); ollama-mesh doctor, and docker ps -a on ssh:\/\/ops@rack1, say more$/,
    ),
  ]);
  standInDocker("printf '%s' '\n404'");
  expect(statusText(await askStatus(BALANCER))).toEqual([
    "lab-balancer: GET /status.json gave status 404; its config may be of an older version; run pulumi up",
  ]);
});

const used = (requests: number) => ({
  key: "anna",
  model: "m:latest",
  requests,
  promptTokens: 10 * requests,
  answerTokens: 20 * requests,
  estimated: 1,
});
const usage = (requests: number): MeshUsage => ({
  format: 1,
  now: 0,
  today: [
    { key: "anna", requests, tokens: 30 * requests },
    {
      key: "ci",
      requests: 5,
      tokens: 0,
      requestsPerDay: 9,
      models: ["m:latest"],
      expires: "2027-03-31",
    },
  ],
  days: { "2026-11-26": [used(requests), { ...used(1), model: "" }] },
});

test("what keys have used is told by key, then by day, key and model", () => {
  expect(
    usageText([{ balancer: "lab-balancer", host: "ssh://ops@rack1", usage: usage(2) }]),
  ).toEqual([
    "KEY   REQUESTS TODAY  TOKENS TODAY  MODELS    EXPIRES",
    "anna  2               60            all       -",
    "ci    5 of 9          0             m:latest  2027-03-31",
    "",
    "DAY (UTC)   KEY   MODEL     REQUESTS  PROMPT TOKENS  ANSWER TOKENS  ESTIMATED",
    "2026-11-26  anna  -         1         10             20             1",
    "2026-11-26  anna  m:latest  2         20             40             1",
  ]);
});

test("two balancers are added up, each with a limit of its own; one that is silent is named first", () => {
  const asked = [
    { balancer: "one", host: "ssh://one", usage: usage(2) },
    { balancer: "two", host: "ssh://two", usage: usage(3) },
    { balancer: "three", host: "ssh://three", error: "it does not answer" },
  ];
  const text = usageText(asked);
  expect(text[0]).toBe("three: it does not answer");
  expect(text[2]).toMatch(/^anna {2}5 +150 /);
  expect(text[3]).toMatch(/^ci +10 of 2 x 9 /);
  expect(text.at(-1)).toMatch(/^2026-11-26 {2}anna {2}m:latest {2}5 +50 +100 +2$/);
});

test("a balancer without keys says where usage is counted", async () => {
  standInDocker("printf '%s' '\n404'");
  expect(await askUsage(BALANCER, 1)).toEqual({
    balancer: "lab-balancer",
    host: "ssh://ops@rack1",
    error:
      "GET /usage.json gave status 404; it counts where balancer.access.apiKeys are declared, with routing models; run pulumi up where they are",
  });
});

test.each<[string, Given["values"]]>([
  ["--days goes with --usage, and is a whole number, 1-400", { days: "2" }],
  ["--days goes with --usage, and is a whole number, 1-400", { usage: true, days: "401" }],
  ["--days goes with --usage, and is a whole number, 1-400", { usage: true, days: "x" }],
  ["--usage and --watch do not go together; leave one out", { usage: true, watch: true }],
])("refused: %s", async (text, values) => {
  await expect(status.run({ words: [], values })).rejects.toThrow(new UsageError(text));
});

/** What the command prints of a stack with these balancers and steps, and its exit code. */
async function printed(resources: object[], values: Given["values"], script: string) {
  const { folder, commands } = standInDocker(script);
  const state = JSON.stringify({ deployment: { resources } });
  writeFileSync(join(folder, "pulumi"), `#!/bin/sh\ncat <<'END'\n${state}\nEND\n`, { mode: 0o755 });
  const write = vi.spyOn(process.stdout, "write").mockReturnValue(true);
  const code = await status.run({ words: [], values });
  const text = write.mock.calls.map(([chunk]) => String(chunk)).join("");
  write.mockRestore();
  return { code, text, commands: commands() };
}
const step = (name: string, input: object) => ({
  type: "command:local:Command",
  inputs: { create: `steps.run("${name}")`, stdin: JSON.stringify(input) },
});
const OTHER = { ...BALANCER, endpoint: "ssh://ops@rack2" };
const BOTH = [step("serving", { balancer: BALANCER }), step("serving", { balancer: OTHER })];

test("a balancer whose machine is declared off is not asked", async () => {
  const off = step("hosts", { hosts: [], offline: [OTHER.endpoint] });
  const plain = `printf '{"routing":"plain"}\\n200'`;
  const { code, commands } = await printed([...BOTH, off], { json: true }, plain);
  expect(code).toBe(0);
  expect(commands).toHaveLength(1);
});

test("two balancers have containers of one name: each is told by its machine", async () => {
  const half = `case "$*" in *rack1*) printf '{"routing":"plain"}\\n200' ;; *) printf '\\n404' ;; esac`;
  const text = await printed(BOTH, {}, half);
  expect(text.code).toBe(1);
  expect(text.text.split("\n\n")).toEqual([
    expect.stringMatching(/^lab-balancer on ssh:\/\/ops@rack1: it serves;/),
    expect.stringMatching(
      /^lab-balancer on ssh:\/\/ops@rack2: GET \/status\.json gave status 404;/,
    ),
  ]);
  const json = await printed(BOTH, { json: true }, half);
  expect(JSON.parse(json.text)).toMatchObject([
    { balancer: "lab-balancer", host: "ssh://ops@rack1" },
    { balancer: "lab-balancer", host: "ssh://ops@rack2" },
  ]);
});

test("keys of two meshes in one stack are not added up", async () => {
  const chat = step("serving", { balancer: { ...BALANCER, container: "chat-balancer" } });
  const answer = (requests: number) => `printf '%s' '${JSON.stringify(usage(requests))}\n200'`;
  const { text } = await printed(
    [...BOTH, chat],
    { usage: true },
    `case "$*" in *chat-balancer*) ${answer(7)} ;; *) ${answer(2)} ;; esac`,
  );
  const [lab, , chats] = text.split("\n\n");
  expect(lab).toMatch(/^lab-balancer:\nKEY.*\nanna +4 +120 .*\nci +10 of 2 x 9 /);
  expect(chats).toMatch(/^chat-balancer:\nKEY.*\nanna +7 +210 .*\nci +5 of 9 /);
});
