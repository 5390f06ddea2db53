import { describe, expect, test } from "vitest";

import type { GpuArgs } from "../../../config/node-args.ts";
import { ollamaEnvironment } from "../../../plan/ollama-environment.ts";
import { PLAIN_ENVIRONMENT } from "../../support/plain-node.ts";

test("without settings it is what the mesh needs and its two defaults", () => {
  expect(ollamaEnvironment({}, {}, {})).toEqual(PLAIN_ENVIRONMENT);
});

test("every setting is its variable, booleans are 1 and 0", () => {
  expect(
    ollamaEnvironment(
      {
        keepAlive: "-1",
        numParallel: 4,
        contextLength: 8192,
        maxLoadedModels: 3,
        maxQueue: 64,
        loadTimeout: "10m",
        flashAttention: true,
        kvCacheType: "q8_0",
        schedSpread: false,
        debug: true,
      },
      {},
      {},
    ),
  ).toEqual([
    "NVIDIA_VISIBLE_DEVICES=void",
    "OLLAMA_CONTEXT_LENGTH=8192",
    "OLLAMA_DEBUG=1",
    "OLLAMA_FLASH_ATTENTION=1",
    "OLLAMA_HOST=0.0.0.0:11434",
    "OLLAMA_KEEP_ALIVE=-1",
    "OLLAMA_KV_CACHE_TYPE=q8_0",
    "OLLAMA_LOAD_TIMEOUT=10m",
    "OLLAMA_MAX_LOADED_MODELS=3",
    "OLLAMA_MAX_QUEUE=64",
    "OLLAMA_NOPRUNE=1",
    "OLLAMA_NO_CLOUD=1",
    "OLLAMA_NUM_PARALLEL=4",
    "OLLAMA_SCHED_SPREAD=0",
  ]);
});

describe("what stands over what", () => {
  test("a node's settings over the mesh's, one by one", () => {
    const mesh = { keepAlive: "1h", numParallel: 8 };
    expect(ollamaEnvironment(mesh, { keepAlive: "5m" }, {})).toEqual([
      "NVIDIA_VISIBLE_DEVICES=void",
      "OLLAMA_HOST=0.0.0.0:11434",
      "OLLAMA_KEEP_ALIVE=5m",
      "OLLAMA_NOPRUNE=1",
      "OLLAMA_NO_CLOUD=1",
      "OLLAMA_NUM_PARALLEL=8",
    ]);
  });

  test("the environments of mesh and node are joined, the node's over the mesh's", () => {
    const mesh = { environment: { A: "mesh", B: "mesh" } };
    const node = { environment: { B: "node", C: "node" } };
    expect(ollamaEnvironment(mesh, node, {})).toEqual([
      "A=mesh",
      "B=node",
      "C=node",
      ...PLAIN_ENVIRONMENT,
    ]);
  });

  test("`environment` over settings", () => {
    const environment = { OLLAMA_KEEP_ALIVE: "7m" };
    expect(ollamaEnvironment({ keepAlive: "1h", environment }, {}, {})).toEqual(
      PLAIN_ENVIRONMENT.with(2, "OLLAMA_KEEP_ALIVE=7m"),
    );
  });
});

test("the order in which settings are written makes no difference", () => {
  const one = ollamaEnvironment({ environment: { B: "1", A: "2" }, debug: true }, {}, {});
  const two = ollamaEnvironment({ debug: true, environment: { A: "2", B: "1" } }, {}, {});
  expect(two).toEqual(one);
});

test("devices of AMD go by variable, those of NVIDIA by the engine", () => {
  const devices = ["0", "2"];
  expect(ollamaEnvironment({}, {}, { vendor: "amd", devices })).toEqual([
    ...PLAIN_ENVIRONMENT,
    "ROCR_VISIBLE_DEVICES=0,2",
  ]);
  expect(ollamaEnvironment({}, {}, { vendor: "amd" })).toEqual(PLAIN_ENVIRONMENT);
  expect(ollamaEnvironment({}, {}, { vendor: "nvidia", devices })).toEqual(
    PLAIN_ENVIRONMENT.slice(1),
  );
});

test("a host that gives NVIDIA's GPUs to every container gives them only to nodes that asked for them", () => {
  const first = (gpus: GpuArgs) => ollamaEnvironment({}, {}, gpus)[0];
  expect(first({ vendor: "none" })).toBe("NVIDIA_VISIBLE_DEVICES=void");
  expect(first({ vendor: "amd" })).toBe("NVIDIA_VISIBLE_DEVICES=void");
  expect(first({ vendor: "nvidia", devices: ["nvidia.com/gpu=0"] })).toBe(
    "NVIDIA_VISIBLE_DEVICES=void",
  );
  expect(first({ vendor: "nvidia" })).not.toContain("NVIDIA");
});

test("a value is passed on to the letter", () => {
  const value = " $(reboot) \n\"'`=é";
  expect(ollamaEnvironment({}, { environment: { X: value } }, {}).at(-1)).toBe(`X=${value}`);
});
