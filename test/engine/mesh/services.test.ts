// Servers that are not Ollama, on the real engine: three FastAPI replicas and llama.cpp's own server.
import { beforeAll, afterAll, expect, test, vi } from "vitest";

import { builtImage } from "../../../lab/images/docker-image.mjs";
import { SERVERS_IMAGE } from "../../../lab/images/servers/servers-image.mjs";
import { lacking } from "../../support/needs.ts";
import { story } from "../../support/report/story.ts";
import { containers } from "../support/containers.ts";
import { atLab, nginxImage } from "../support/lab.ts";
import { remains } from "../support/leftovers.ts";
import { Stack, type StackConfig } from "../support/stack.ts";

vi.setConfig({ testTimeout: 300_000 });

story();

let image = "";
let stack: Stack;

const replica = (name: string, over: object = {}, environment: object = {}) => ({
  name,
  image,
  service: { port: 8000, environment: { SERVER_ID: name, ...environment } },
  ...over,
});
const config = (nodes: object[], over: StackConfig = {}): StackConfig => ({
  nodes,
  ...over,
  balancer: {
    image: nginxImage(),
    routes: { set: "none", paths: [{ path: "/predict", methods: ["POST"] }] },
    ...(over["balancer"] as object),
  },
});

beforeAll(async () => {
  if (!lacking("OLLAMA_MESH_NGINX_IMAGE")) image = await builtImage(SERVERS_IMAGE);
}, 900_000);
atLab(async () => {
  const slowToLoad = replica("b", {}, { LOAD_SECONDS: "4" });
  stack = await Stack.init(config([replica("a"), slowToLoad, replica("c", { weight: 2 })]));
  await stack.up();
});
afterAll(() => stack?.[Symbol.asyncDispose]());

const predict = async (x: number) => {
  const response = await fetch(`${stack.url}/predict`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ x }),
  });
  return {
    status: response.status,
    body: (await response.json()) as { y: number; server: string },
  };
};

test("three replicas answer, each in its turn, and nothing of Ollama was made", async () => {
  const answers = await Promise.all(Array.from({ length: 40 }, (_, x) => predict(x)));
  expect(answers.map(({ status }) => status)).toEqual(Array(40).fill(200));
  expect(answers.map(({ body }) => body.y)).toEqual(answers.map((_, x) => 2 * x));
  expect([...new Set(answers.map(({ body }) => body.server))].sort()).toEqual(["a", "b", "c"]);
  expect((await remains(stack.mesh)).filter((left) => left.startsWith("volume"))).toEqual([
    `volume ${stack.mesh}-config`,
  ]);
});

test("paths that are not declared are refused, health checks among them", async () => {
  expect((await fetch(`${stack.url}/health`)).status).toBe(404);
  expect((await fetch(`${stack.url}/api/tags`)).status).toBe(404);
});

test("a second up, and a refresh, change nothing", async () => {
  expect((await stack.up()).changes).toEqual([]);
  await stack.refresh();
});

test("a roll of one replica fails no request, and waits until its model is loaded", async () => {
  const before = await containers(stack.mesh);
  const changed = replica("a", {}, { LOAD_SECONDS: "3", ROLL: "1" });
  const slowToLoad = replica("b", {}, { LOAD_SECONDS: "4" });
  await stack.configure(config([changed, slowToLoad, replica("c", { weight: 2 })]));
  const statuses: number[] = [];
  let rolling = true;
  const clients = Array.from({ length: 2 }, async () => {
    while (rolling) statuses.push((await predict(1)).status);
  });
  try {
    await stack.up();
  } finally {
    rolling = false;
  }
  await Promise.all(clients);
  expect(statuses.length).toBeGreaterThan(10);
  expect(statuses.filter((status) => status !== 200)).toEqual([]);
  const after = await containers(stack.mesh);
  expect(after["a"]!.id).not.toBe(before["a"]!.id);
  expect(after["b"]).toEqual(before["b"]);
});

test("a replica whose health check never answers 200 gets no traffic, and the error says what it said", async () => {
  const sick = replica("d", {}, { LOAD_SECONDS: "3600" });
  const nodes = [replica("a", {}, { LOAD_SECONDS: "3", ROLL: "1" }), sick];
  await stack.configure(config(nodes, { rollout: { readyTimeoutSeconds: 40 } }));
  const ran = await stack.tryUp();
  expect(ran.code).not.toBe(0);
  expect(ran.errors.join("\n")).toMatch(
    /node d is not ready and gets no traffic: GET http:\/\/[\d.]+:8000\/health: not within 40 s \(last: status 503 {"detail":"the model is being loaded"}\)/,
  );
  expect((await predict(3)).status).toBe(200);
});

test("llama.cpp's server answers on the OpenAI routes", async () => {
  const llama = {
    name: "llama",
    image,
    service: {
      port: 8080,
      command: [
        ...["llama-server", "--model", "/srv/tiny.gguf", "--host", "0.0.0.0", "--port", "8080"],
        ...["--threads", "1"],
      ],
    },
  };
  await stack.configure(config([llama], { balancer: { routes: { set: "ollama" } } }));
  await stack.up();
  const response = await fetch(`${stack.url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ prompt: "hi", max_tokens: 4, temperature: 1, seed: 1 }),
  });
  expect(response.status).toBe(200);
  expect(response.headers.get("x-mesh-node")).toBe("llama");
  const { usage } = (await response.json()) as { usage: { completion_tokens: number } };
  expect(usage.completion_tokens).toBe(4);
});
