import { watch } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import type { Used } from "../../templates/status/mesh-usage.ts";
import { LEAVING_URL } from "../../steps/balancer/ask.ts";
import { OWN_SOCKET } from "../../templates/nginx-layout.ts";
import { until } from "../../toolchain/until.mjs";
import { ask, BrokenAnswer } from "../behaviour/harness/client.ts";
import { docker } from "../behaviour/harness/docker.ts";
import { lacking } from "../support/needs.ts";
import { PROMPT_TOKENS } from "./harness/counting-node.ts";
import { KeyedMesh, PROMPT, SECRET, SETTLED } from "./harness/keyed-mesh.ts";

const why = lacking("OLLAMA_MESH_NGINX_IMAGE");
const image = process.env.OLLAMA_MESH_NGINX_IMAGE ?? "";

const CLIENTS = 64;

describe.skipIf(why)(`usage by key${why ? ` (${why})` : ""}`, () => {
  let mesh: KeyedMesh;
  beforeAll(async () => {
    mesh = await KeyedMesh.start(image, {
      anna: {},
      bert: {},
      leaver: {},
      crowd: {},
      lone: {},
      last: {},
      moved: { requestsPerDay: 70 },
    });
  });
  afterAll(() => mesh?.[Symbol.asyncDispose]());

  test("tokens are counted as each API tells them, and its bytes pass unchanged", async () => {
    const streams: [string, object][] = [
      ["/api/generate", { tokens: 3 }],
      ["/api/chat", { tokens: 5 }],
      ["/v1/chat/completions", { tokens: 6, stream_options: { include_usage: true } }],
      ["/v1/chat/completions", { tokens: 11, stream: false }],
      ["/v1/messages", { tokens: 13 }],
      ["/v1/responses", { tokens: 17 }],
    ];
    for (const [path, body] of streams) {
      const { status, text } = await mesh.post("anna", path, body);
      expect([status, text]).toEqual([200, mesh.node.answers.at(-1)]);
    }
    await mesh.used("anna", [6, 42, 55, 0]);
    expect(await mesh.usedBy("anna")).toEqual([
      {
        key: "anna",
        model: "m:latest",
        requests: 6,
        promptTokens: 6 * PROMPT_TOKENS,
        answerTokens: 3 + 5 + 6 + 11 + 13 + 17,
        estimated: 0,
      },
    ]);
  });

  test("a stream without usage is counted by its pieces, the prompt by its bytes", async () => {
    await mesh.post("bert", "/v1/chat/completions", { model: "other", tokens: 9 });
    const size = JSON.stringify({ model: "other", prompt: PROMPT, tokens: 9 }).length;
    await mesh.used("bert", [1, Math.ceil(size / 4), 9, 1]);
  });

  test("a client that leaves has used what came so far", async () => {
    const leave = new AbortController();
    let seen = 0;
    const onPiece = () => {
      if (++seen === 4) leave.abort();
    };
    await expect(
      mesh.post(
        "leaver",
        "/api/chat",
        { tokens: 1000, everyMs: 40 },
        { onPiece, signal: leave.signal },
      ),
    ).rejects.toBeInstanceOf(BrokenAnswer);
    await until("its end", async () => (await mesh.usedBy("leaver"))[0]?.estimated === 1, SETTLED);
    const [used] = await mesh.usedBy("leaver");
    expect(used).toMatchObject({ requests: 1, estimated: 1 });
    expect(used!.answerTokens).toBeGreaterThanOrEqual(4);
    expect(used!.answerTokens).toBeLessThan(50);
  });

  /** Requests of a key, as the files have them. */
  const inFiles = async (key: string) => {
    const names = (await readdir(mesh.folder)).filter((name) => name.startsWith("usage-"));
    const texts = names.map((name) => readFile(join(mesh.folder, name), "utf8"));
    return (await Promise.all(texts))
      .flatMap((text) => (JSON.parse(text) as { usage: Used[] }).usage)
      .filter((one) => one.key === key)
      .reduce((sum, { requests }) => sum + requests, 0);
  };

  test("a client alone has files written by the second, not by the answer", async () => {
    let written = 0;
    const watcher = watch(mesh.folder, (_, name) => {
      if (name?.startsWith("usage-")) written++;
    });
    const began = Date.now();
    for (let turn = 0; turn < 60; turn++) await mesh.post("lone", "/api/chat", {});
    await mesh.used("lone", [60, 60 * PROMPT_TOKENS, 60, 0]);
    await until("all is written", async () => (await inFiles("lone")) === 60, SETTLED);
    const seconds = (Date.now() - began) / 1000;
    watcher.close();
    // The timer's, and that of an end after which nothing was in flight.
    expect(written).toBeLessThanOrEqual(2 * Math.ceil(seconds) + 2);
  });

  test("tokens of 64 clients are right over a reload", async () => {
    const clients = Array.from({ length: CLIENTS }, async (_, at) => {
      for (let turn = 1; turn <= 4; turn++) {
        const { status } = await mesh.post("crowd", "/api/chat", {
          tokens: at + turn,
          everyMs: 2,
        });
        expect(status).toBe(200);
      }
    });
    await mesh.front.reload(mesh.config);
    await Promise.all(clients);
    const answer = 4 * ((CLIENTS * (CLIENTS - 1)) / 2) + CLIENTS * (1 + 2 + 3 + 4);
    await mesh.used("crowd", [4 * CLIENTS, 4 * CLIENTS * PROMPT_TOKENS, answer, 0]);
  });

  test("neither key nor prompt is in what is counted, told or logged", async () => {
    const files = await Promise.all(
      (await readdir(mesh.folder)).map((name) => readFile(join(mesh.folder, name), "utf8")),
    );
    expect(files.length).toBeGreaterThan(0);
    const told = await Promise.all(
      ["/usage.json?days=400", "/metrics", "/status.json"].map(
        async (path) => (await ask(`${mesh.front.managementUrl}${path}`)).text,
      ),
    );
    const all = [...files, ...told, await mesh.front.said()].join("\n");
    expect(all).toContain("anna");
    expect(all).not.toContain(SECRET);
    expect(all).not.toContain(PROMPT);
  });

  test("metrics have the tokens by key and model, and what is left of a quota", async () => {
    const { text } = await ask(`${mesh.front.managementUrl}/metrics`);
    const lines = text.split("\n");
    expect(lines).toContain('mesh_key_prompt_tokens_total{key="anna",model="m:latest"} 42');
    expect(lines).toContain('mesh_key_answer_tokens_total{key="anna",model="m:latest"} 55');
    expect(lines).toContain('mesh_key_day_requests{key="anna"} 6');
    expect(lines).toContain('mesh_key_day_tokens{key="anna"} 97');
    expect(lines).toContain('mesh_key_day_requests_limit{key="moved"} 70');
    expect(lines).toContain("mesh_usage_faults_total 0");
  });

  test("what was used outlives nginx: another one goes on with it, while the one before ends its streams", async () => {
    const counted = await mesh.usedBy("crowd");
    const before = Array.from({ length: CLIENTS }, () =>
      mesh.post("moved", "/api/chat", { tokens: 30, everyMs: 30 }),
    );
    const held = mesh.node.asked;
    await until("all under way", () => Promise.resolve(mesh.node.asked >= held + CLIENTS), SETTLED);
    const next = await mesh.another();
    await docker("kill", "--signal", "QUIT", mesh.front.name);
    const statuses = (await Promise.all(before)).map(({ status }) => status);
    expect(statuses).toEqual(Array(CLIENTS).fill(200));
    await until(
      "the other one's files are read",
      async () =>
        (await mesh.usage(next)).today.find((one) => one.key === "moved")?.tokens ===
        CLIENTS * (30 + PROMPT_TOKENS),
      SETTLED,
    );
    await mesh.used("moved", [CLIENTS, CLIENTS * PROMPT_TOKENS, CLIENTS * 30, 0], next);
    expect(await mesh.usedBy("crowd", next)).toEqual(counted);
    const rest = await Promise.all(
      Array.from({ length: CLIENTS }, () => mesh.post("moved", "/api/chat", {}, {}, next)),
    );
    expect(rest.filter(({ status }) => status === 200).length).toBe(6);
    await mesh.used("moved", [70, 70 * PROMPT_TOKENS, CLIENTS * 30 + 6, 0], next);

    // Now the other one leaves: told so, it writes at each end, and nothing of a client alone is lost.
    let answered = 0;
    const client = (async () => {
      for (;;) {
        const asked = mesh.post("last", "/api/chat", {}, {}, next);
        const answer = await asked.catch((error: unknown) => {
          if (!(error instanceof BrokenAnswer)) throw error;
        });
        if (answer?.status !== 200) return;
        answered++;
      }
    })();
    await until("answers", () => Promise.resolve(answered > 20), SETTLED);
    await next.exec("curl", "-fsS", "--unix-socket", OWN_SOCKET, LEAVING_URL);
    await docker("kill", "--signal", "QUIT", next.name);
    await client;
    const third = await mesh.another();
    await mesh.used("last", [answered, answered * PROMPT_TOKENS, answered, 0], third);
  });
});
