// What `ollama-mesh doctor` makes of what it saw, with a stand-in for the docker and pulumi commands.
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

import { doctor } from "../../../cli/doctor/doctor.ts";
import { certificateEnd, endFindings } from "../../../cli/doctor/examine-balancer.ts";
import { examineNode, versionFindings } from "../../../cli/doctor/examine-node.ts";
import type { ReadyInput } from "../../../steps/nodes/ready.ts";
import { standInDocker } from "../../support/stand-in-docker.ts";

const NODE: ReadyInput = {
  node: "a",
  endpoint: "unix:///var/run/docker.sock",
  container: "lab-a",
  address: "10.0.0.2",
  port: 11434,
  balancer: {
    endpoint: "unix:///var/run/docker.sock",
    container: "lab-balancer",
    volume: "lab-config",
    network: "lab-network",
  },
  models: ["tiny", "llama3.2:3b"],
  timeoutSeconds: 60,
  warmUp: true,
  maintenance: false,
  pids: 100,
  minimumGpuPercent: 1,
};

const OWNER = { of: "balancer lab-balancer", container: "lab-balancer" };

const state = (more: object) =>
  JSON.stringify([
    {
      State: { Running: true, Status: "running", ExitCode: 0, ...more },
      RestartCount: 0,
      Config: {},
    },
  ]);
/** A docker whose containers are in a state, and whose curl gives an answer for each path. */
const docker = (container: string, answers: Record<string, string>) =>
  standInDocker(
    `case "$*" in
*"container inspect"*) printf '%s' '${container}' ;;
${Object.entries(answers)
  .map(([path, answer]) => `*${path}) printf '%s' '${answer}' ;;`)
  .join("\n")}
*) echo "curl: (7) Failed to connect" >&2; exit 7 ;;
esac`,
  );

test("a node that lacks a model, and whose model lies on the CPU, has a finding for each", async () => {
  docker(state({}), {
    "/api/version": '{"version":"0.32.15"}\n200',
    "/api/tags": '{"models":[{"name":"tiny:latest"}]}\n200',
    "/api/ps": '{"models":[{"name":"tiny:latest","size":1073741824,"size_vram":0}]}\n200',
  });
  const { version, seen, findings } = await examineNode(NODE);
  expect(version).toBe("0.32.15");
  expect(seen).toBe("node a: Ollama 0.32.15; loaded: tiny:latest");
  expect(findings).toEqual([
    {
      of: "node a",
      text: "it does not have the model llama3.2:3b; docker exec lab-a ollama pull llama3.2:3b on unix:///var/run/docker.sock puts it there",
    },
    { of: "node a", text: expect.stringMatching(/^0 % of tiny:latest is in GPU memory/) },
  ]);
});

test("a node that does not answer is one finding, with curl's words", async () => {
  docker(state({}), {});
  const { findings } = await examineNode(NODE);
  expect(findings).toEqual([
    {
      of: "node a",
      text: "it does not answer GET /api/version (curl: (7) Failed to connect); ollama-mesh restart a restarts it",
    },
  ]);
});

test("models are the same in any spelling", async () => {
  const answer = (body: object) => `${JSON.stringify(body)}\n200`;
  docker(state({}), {
    "/api/version": answer({ version: "0.32.15" }),
    "/api/tags": answer({ models: [{ name: "hf.co/b/llama:q4_k_m" }] }),
    "/api/ps": answer({ models: [] }),
  });
  const { findings } = await examineNode({ ...NODE, models: ["hf.co/B/Llama:Q4_K_M"] });
  expect(findings).toEqual([]);
});

test.each([
  ["hangs when it is asked for its lists", {}, "/api/tags (curl: (7) Failed to connect)"],
  ["refuses them", { "/api/tags": "busy\n503" }, "/api/tags (status 503 busy)"],
  [
    "is another program",
    { "/api/tags": "<html>\n200" },
    "/api/tags (status 200 <html>, which is not Ollama's)",
  ],
])("a node that %s is a finding", async (_, answers, words) => {
  docker(state({}), { "/api/version": '{"version":"0.32.15"}\n200', ...answers });
  const { findings } = await examineNode(NODE);
  expect(findings).toEqual([
    {
      of: "node a",
      text: `it does not answer GET ${words}; ollama-mesh restart a restarts it`,
    },
  ]);
});

test("a certificate that is none is a finding: nginx serves on with what it has read before", () => {
  expect(certificateEnd(OWNER, "/etc/tls/c.pem", "", 0)).toEqual([
    {
      of: "balancer lab-balancer",
      text: "its certificate /etc/tls/c.pem cannot be read, and nginx would not start with it; renew the file, and docker kill --signal HUP lab-balancer, or declare another one in balancer.tls",
    },
  ]);
});

test("of a container that does not run nothing is asked", async () => {
  const { commands } = docker(state({ Running: false, Status: "exited", ExitCode: 137 }), {});
  const { findings } = await examineNode(NODE);
  expect(findings.map(({ text }) => text)).toEqual([
    "container lab-a is exited (exit code 137); docker logs lab-a on unix:///var/run/docker.sock says why, ollama-mesh restart a starts it",
  ]);
  expect(commands()).toEqual(["container inspect lab-a"]);
});

test("several versions of Ollama are one finding", () => {
  const on = (node: string, version?: string) => ({
    node,
    findings: [],
    ...(version ? { version } : {}),
  });
  expect(versionFindings([on("a", "0.32.15"), on("b", "0.32.15"), on("vllm")])).toEqual([]);
  expect(versionFindings([on("a", "0.32.15"), on("b", "0.31.0"), on("c", "0.32.15")])).toEqual([
    {
      of: "nodes",
      text: "nodes run several versions of Ollama: 0.31.0 on b; 0.32.15 on a, c; declare one image for all, and run pulumi up",
    },
  ]);
});

test("a certificate is spoken of three weeks before its end, and after it", () => {
  const end = "Dec 24 12:00:00 2026 GMT";
  const text = (now: string) => endFindings(OWNER, "c.pem", end, Date.parse(now))[0]?.text;
  expect(text("2026-12-03T12:00:00Z")).toBeUndefined();
  // An up sees no change in a file of the host: nginx reads it anew by the signal.
  expect(text("2026-12-03T12:00:01Z")).toBe(
    "its certificate c.pem ends in 20 days (Dec 24 12:00:00 2026 GMT); renew the file, and docker kill --signal HUP lab-balancer, or declare another one in balancer.tls",
  );
  expect(text("2026-12-25T00:00:00Z")).toMatch(/^its certificate c\.pem has expired \(Dec 24/);
});

test("a stack without a mesh is none to look at", async () => {
  const { folder } = standInDocker("exit 1");
  writeFileSync(join(folder, "pulumi"), `#!/bin/sh\necho '{"deployment":{}}'\n`);
  chmodSync(join(folder, "pulumi"), 0o755);
  await expect(doctor.run({ words: [], values: {} })).rejects.toThrow("the stack has no mesh;");
});
