// `ollama-mesh doctor` on whole meshes that are half down, with stand-ins for the docker and pulumi commands.
import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test, vi } from "vitest";

import { doctor } from "../../../cli/doctor/doctor.ts";
import { EMPTY, seal } from "../../../steps/balancer/mesh-state.ts";
import { standInDocker } from "../../support/stand-in-docker.ts";

const balancer = (endpoint: string, mesh = "lab") => ({
  endpoint,
  container: `${mesh}-balancer`,
  volume: `${mesh}-config`,
  network: `${mesh}-network`,
});
const ONE = balancer("ssh://one");
const TWO = balancer("ssh://two");
const node = (at: typeof ONE, endpoint = "ssh://one") => ({
  node: "a",
  balancer: at,
  endpoint,
  container: "lab-a",
  address: "10.0.0.2",
  port: 11434,
  models: [],
});
const server = (at: typeof ONE, more: object = {}) => ({
  balancer: at,
  node: "own",
  address: "192.168.1.20",
  port: 11434,
  healthPath: "/api/version",
  ...more,
});

type Step = [name: string, input: object];

/** What doctor says of a stack with these steps; its one host that would be looked at closely is declared off. */
async function diagnosed(steps: Step[], script: string) {
  const stand = standInDocker(
    `case "$*" in\n${script}\n*" ps "*) ;;\n*) echo "no such thing" >&2; exit 1 ;;\nesac`,
  );
  const all: Step[] = [
    ["preflight", { endpoint: "ssh://spare" }],
    ["hosts", { hosts: [], offline: ["ssh://spare"] }],
    ...steps,
  ];
  const resources = all.map(([name, input]) => ({
    type: "command:local:Command",
    inputs: { create: `steps.run("${name}")`, stdin: JSON.stringify(input) },
  }));
  const state = JSON.stringify({ deployment: { resources } });
  const pulumi = `#!/bin/sh\ncat <<'END'\n${state}\nEND\n`;
  writeFileSync(join(stand.folder, "pulumi"), pulumi, { mode: 0o755 });
  const write = vi.spyOn(process.stdout, "write").mockReturnValue(true);
  const code = await doctor.run({ words: [], values: { json: true } });
  const text = write.mock.calls.map(([chunk]) => String(chunk)).join("");
  write.mockRestore();
  const { seen, findings } = JSON.parse(text) as {
    seen: string[];
    findings: { of: string; text: string }[];
  };
  return { code, seen, findings: findings.map((each) => `${each.of}: ${each.text}`) };
}

/** A container in a state, for the stand-in. */
const container = (pattern: string, status: string, more: object = {}) => {
  const Running = ["running", "restarting", "paused"].includes(status);
  const State = { Running, Status: status, ExitCode: 1 };
  const found = JSON.stringify([{ State, RestartCount: 7, Config: { Image: "nginx" }, ...more }]);
  return `${pattern}) printf '%s' '${found}' ;;`;
};
/** A balancer that was seen with no node, and what it says behind its config's hash. */
const observed = (pattern: string, more = "") => {
  const lines = [seal(EMPTY), "digest", "served", more].join("\n");
  return `${pattern}) printf '%s' '${lines}' ;;`;
};
const VERSION = `*"exec -i lab-balancer curl"*/api/version) printf '%s' '{"version":"0.32.15"}\n200' ;;`;
const LISTS = `*"exec -i lab-balancer curl"*) printf '%s' '{"models":[]}\n200' ;;`;
const DOWN = `*exec*) echo "Error response from daemon: container 1234 is not running" >&2; exit 1 ;;`;

test.each([
  ["exited", "docker start lab-balancer on ssh://one, and see docker logs for why"],
  // Docker says of both that they run.
  ["paused", "docker unpause lab-balancer on ssh://one"],
  ["restarting", "docker logs lab-balancer on ssh://one says why it ends"],
])(
  "a balancer that is %s is the one finding: its nodes are not to blame",
  async (status, wayOut) => {
    const { code, seen, findings } = await diagnosed(
      [
        ["serving", { balancer: ONE }],
        ["ready", node(ONE)],
        ["admit", server(ONE)],
      ],
      [
        container(`*"inspect lab-balancer"`, status),
        container(`*"inspect lab-a"`, "running"),
        DOWN,
      ].join("\n"),
    );
    expect(findings).toEqual([`balancer lab-balancer: its container is ${status}; ${wayOut}`]);
    expect(seen).toEqual([
      "node a: runs; not asked, since that is done from the balancer's container",
    ]);
    expect(code).toBe(1);
  },
);

test("of two balancers the one that runs asks the nodes, and each is named by its machine", async () => {
  const { seen, findings } = await diagnosed(
    [
      ["serving", { balancer: ONE }],
      ["serving", { balancer: TWO }],
      ["ready", node(ONE)],
      ["ready", node(TWO)],
      ["admit", server(ONE)],
      ["admit", server(TWO)],
    ],
    [
      container(`*"ssh://one container inspect lab-balancer"`, "exited"),
      container(`*"inspect "*`, "running"),
      observed(`*"ssh://two exec lab-balancer sh"*`),
      `*"ssh://one exec"*) echo "is not running" >&2; exit 1 ;;`,
      VERSION,
      LISTS,
    ].join("\n"),
  );
  expect(findings).toEqual([
    "balancer lab-balancer on ssh://one: its container is exited; docker start lab-balancer on ssh://one, and see docker logs for why",
    expect.stringMatching(
      /^balancer lab-balancer on ssh:\/\/two: nginx\.conf in the config volume/,
    ),
  ]);
  expect(seen).toEqual([
    "balancer lab-balancer on ssh://two: nginx, serves with 0 nodes ()",
    "node a: Ollama 0.32.15; loaded: none",
    "node own: answers",
  ]);
});

test("what stands beside a balancer and does not run is a finding each", async () => {
  const listed = [
    "lab-balancer|running",
    "lab-balancer-nginx-1|exited",
    "lab-balancer.address|exited",
    "lab-balancer.closer|running",
    "lab.prometheus|restarting",
    "lab-a.guard|exited",
  ].join("\n");
  const { findings } = await diagnosed(
    [["serving", { balancer: ONE }]],
    [
      container(`*"inspect "*`, "running"),
      observed("*exec*"),
      `*"ps --all --filter label=ollama-mesh=lab "*) echo '${listed}' ;;`,
    ].join("\n"),
  );
  expect(findings.slice(1)).toEqual([
    "balancer lab-balancer: container lab-balancer.address is exited; docker start lab-balancer.address on ssh://one, and see docker logs for why",
    "balancer lab-balancer: container lab.prometheus is restarting; docker logs lab.prometheus on ssh://one says why it ends",
  ]);
});

test("a front that serves by an nginx of its own is a finding: nothing is kept of what keys use", async () => {
  const { findings } = await diagnosed(
    [["serving", { balancer: ONE }]],
    [container(`*"inspect "*`, "running"), observed("*exec*", "alone")].join("\n"),
  );
  expect(findings[0]).toBe(
    "balancer lab-balancer: nginx is down, and the front serves by one of its own, which keeps nothing of what API keys use; pulumi up starts the right one",
  );
});

test.each([
  [
    "does not answer",
    `echo "curl: (7) Failed to connect" >&2; exit 7`,
    "it does not answer GET /api/version (curl: (7) Failed to connect); the mesh does not run it: start it yourself, or set maintenance: true on it",
  ],
  [
    "answers with an error",
    `printf '\n502'`,
    "it answers GET /api/version with status 502; the mesh does not run it: start it yourself, or set maintenance: true on it",
  ],
  [
    "does not take its key",
    `printf '\n401'`,
    "it does not take its key (status 401); correct the node's apiKey",
  ],
])("a server that the mesh does not run, and that %s, is a finding", async (_, answer, text) => {
  const { findings } = await diagnosed(
    [
      ["serving", { balancer: ONE }],
      ["admit", server(ONE, { apiKey: "secret" })],
      ["admit", server(ONE, { node: "off", offline: true })],
    ],
    [
      container(`*"inspect "*`, "running"),
      observed(`*"exec lab-balancer sh -c"*8081*`),
      `*"exec -i lab-balancer sh"*) ${answer} ;;`,
    ].join("\n"),
  );
  expect(findings.slice(1)).toEqual([`node own: ${text}`]);
});

test("a guard is started by docker, and of what ends again and again the log is read", async () => {
  const guarded = { ...node(ONE), guard: { container: "lab-a.guard" } };
  const { findings } = await diagnosed(
    [["ready", guarded]],
    [
      container(`*"inspect lab-a"`, "restarting"),
      container(`*"inspect lab-a.guard"`, "exited"),
    ].join("\n"),
  );
  expect(findings).toEqual([
    "node a: container lab-a has ended 7 times and is started again by Docker (exit code 1); docker logs lab-a on ssh://one says why",
    "node a: container lab-a.guard is exited (exit code 1); docker logs lab-a.guard on ssh://one says why, docker start lab-a.guard starts it",
  ]);
});
