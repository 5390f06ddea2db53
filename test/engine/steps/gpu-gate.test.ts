// The ready gate against a node that plays Ollama: whether its model is on the GPU.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ready } from "../../../steps/nodes/ready.ts";
import { bridgeAddress } from "../../behaviour/harness/docker.ts";
import { ToyNode } from "../../behaviour/harness/toy-node.ts";
import { lacking } from "../../support/needs.ts";
import { BalancerUnderTest } from "../support/balancer-under-test.ts";

const why = lacking("OLLAMA_MESH_NGINX_IMAGE");
const GIB = 1024 ** 3;

describe.skipIf(why)(`GPU gate${why ? ` (${why})` : ""}`, { timeout: 180_000 }, () => {
  const mesh = new BalancerUnderTest(process.env["OLLAMA_MESH_NGINX_IMAGE"] ?? "");
  const balancer = mesh.place;
  let toy: ToyNode;

  beforeAll(async () => {
    await mesh.serve();
    toy = await ToyNode.start({ name: "toy", address: await bridgeAddress() });
  });
  afterAll(async () => {
    await toy?.die();
    await mesh[Symbol.asyncDispose]();
  });
  beforeEach(() => {
    toy.forget();
    plays("/api/version", { version: "0.32.15" });
    plays("/api/tags", { models: [{ name: "llama3.2:3b" }] });
  });

  const plays = (path: string, body: object) => {
    toy.byPath[path] = { kind: "ok", body: JSON.stringify(body) };
  };
  /** As Ollama 0.17 answers, the fields that matter here changed. */
  const loaded = (over: { name?: string; size?: number; size_vram: number }) => ({
    models: [
      {
        name: "llama3.2:3b",
        model: "llama3.2:3b",
        size: 4 * GIB,
        digest: "a80c4f17acd55265feec403c7aef86be0c25983ab279d83f3bcd3abbcb5b8b72",
        details: { format: "gguf", family: "llama", quantization_level: "Q4_K_M" },
        expires_at: "2026-11-22T12:00:00Z",
        context_length: 4096,
        ...over,
      },
    ],
  });
  /** What the gate says; the container is one that runs. */
  const gate = (over: { minimumGpuPercent?: number; warmUp?: boolean }) =>
    ready({
      balancer,
      endpoint: balancer.endpoint,
      container: balancer.container,
      node: "rack1",
      address: toy.address,
      port: toy.port,
      models: ["llama3.2:3b"],
      timeoutSeconds: 60,
      warmUp: true,
      maintenance: false,
      pids: 64,
      ...over,
    }).then(
      ({ ready }) => ready,
      (error: Error) => error.message.split("\n")[0],
    );
  const READY = "rack1 runs Ollama 0.32.15";

  test("a model that is on the GPU as a whole is ready, whatever is asked", async () => {
    plays("/api/ps", loaded({ size_vram: 4 * GIB }));
    expect(await gate({ minimumGpuPercent: 1 })).toBe(READY);
    expect(await gate({ minimumGpuPercent: 100 })).toBe(READY);
  });

  test("Ollama that fell back to the CPU is refused, with the reasons and the ways out", async () => {
    plays("/api/ps", loaded({ size_vram: 0 }));
    expect(await gate({ minimumGpuPercent: 1 })).toBe(
      "node rack1 is not ready and gets no traffic: 0 % of llama3.2:3b is in GPU memory (0.0 of 4.0 GiB), and gpus.minimumPercent asks for 1; Ollama found no GPU or too little memory on it, and runs on the CPU: see that the host's driver works (nvidia-smi, rocm-smi), that containers get the GPU (docker run --rm --gpus all IMAGE nvidia-smi; NVIDIA container toolkit), that the model fits, or set gpus.minimumPercent to 0",
    );
  });

  test("half of a model on the GPU is enough unless more is asked", async () => {
    plays("/api/ps", loaded({ size_vram: 2 * GIB }));
    expect(await gate({ minimumGpuPercent: 1 })).toBe(READY);
    expect(await gate({ minimumGpuPercent: 50 })).toBe(READY);
    expect(await gate({ minimumGpuPercent: 51 })).toBe(
      "node rack1 is not ready and gets no traffic: 50 % of llama3.2:3b is in GPU memory (2.0 of 4.0 GiB), and gpus.minimumPercent asks for 51; the GPU has too little free memory: use a smaller model, ollama.contextLength or ollama.numParallel, see what else is on the GPU (nvidia-smi, rocm-smi), or lower gpus.minimumPercent",
    );
  });

  test("a node without GPUs is not asked, nor is one that is not warmed up", async () => {
    plays("/api/ps", loaded({ size_vram: 0 }));
    expect(await gate({})).toBe(READY);
    expect(await gate({ minimumGpuPercent: 1, warmUp: false })).toBe(READY);
    expect(toy.count("/api/ps")).toBe(0);
  });

  test("another model on the GPU does not count; one that is unloaded at once is loaded for a minute", async () => {
    plays("/api/ps", loaded({ name: "other:1b", size_vram: 4 * GIB }));
    expect(await gate({ minimumGpuPercent: 1 })).toBe(
      `node rack1 is not ready and gets no traffic: /api/ps does not show llama3.2:3b, which has just answered; see whether other models push it out (docker logs ${balancer.container}), or set gpus.minimumPercent to 0`,
    );
    const bodies = toy.requests.flatMap(({ url, body }) =>
      url === "/api/generate" ? [(JSON.parse(body) as { keep_alive?: string }).keep_alive] : [],
    );
    expect(bodies).toEqual([undefined, "1m"]);
  });
});
