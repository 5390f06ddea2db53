import { readFileSync } from "node:fs";

import { describe, expect, test } from "vitest";

import {
  blobsOf,
  canonicalModel,
  manifestPath,
  showArgs,
} from "../../../../steps/models/model-store.ts";
import { missingModels } from "../../../../steps/models/models.ts";

describe("the full name of a model", () => {
  test.each([
    ["llama3.2", "llama3.2:latest"],
    ["llama3.2:3b", "llama3.2:3b"],
    ["user/model", "user/model:latest"],
    ["registry.lan:5000/user/model", "registry.lan:5000/user/model:latest"],
    ["registry.lan:5000/user/model:1", "registry.lan:5000/user/model:1"],
    ["http://registry.lan:5000/user/model", "registry.lan:5000/user/model:latest"],
    ["https://hf.co/user/model:Q4_K_M", "hf.co/user/model:Q4_K_M"],
    ["library/llama3.2", "llama3.2:latest"],
    ["registry.ollama.ai/library/llama3.2:3b", "llama3.2:3b"],
    ["https://registry.ollama.ai/user/model", "user/model:latest"],
    ["registry.lan:5000/library/llama3.2", "registry.lan:5000/library/llama3.2:latest"],
  ])("%s: %s", (name, full) => {
    expect(canonicalModel(name)).toBe(full);
  });
});

test("spellings of one model are one, present as any of them, and missing once", () => {
  const spellings = ["x", "x:latest", "library/x", "registry.ollama.ai/library/x:latest", "X"];
  for (const listed of ["x:latest", "X:latest"]) {
    expect(missingModels(spellings, new Set([listed]))).toEqual([]);
  }
  expect(missingModels([...spellings, "y"], new Set())).toEqual(["X", "y"]);
  expect(missingModels(["user/x"], new Set(["x:latest"]))).toEqual(["user/x"]);
});

test.each([
  ["llama3.2:latest", "registry.ollama.ai/library/llama3.2/latest"],
  ["user/model:1", "registry.ollama.ai/user/model/1"],
  ["registry.lan:5000/user/model:1", "registry.lan:5000/user/model/1"],
  ["hf.co/user/model:Q4_K_M", "hf.co/user/model/Q4_K_M"],
])("the manifest of %s lies at %s", (model, path) => {
  expect(manifestPath(model)).toBe(path);
});

test("the parts of a model are those that its manifest names, each once, and nothing that is no digest", () => {
  const [a, b] = ["a".repeat(64), "b".repeat(64)];
  const manifest = {
    config: { digest: `sha256:${b}`, size: 2 },
    layers: [
      { digest: `sha256:${a}`, size: 1 },
      { digest: `sha256:${a}`, size: 1 },
      { digest: "sha256:../../etc/passwd", size: 3 },
    ],
  };
  expect(blobsOf(JSON.stringify(manifest))).toEqual([
    { file: `sha256-${a}`, size: 1 },
    { file: `sha256-${b}`, size: 2 },
  ]);
});

test("a store is looked into by a container that may only read it, and reaches nobody", () => {
  const store = { endpoint: "ssh://gpu1", image: "ollama/ollama:1", volume: "lab-models" };
  const show = readFileSync("steps/models/show-model.sh", "utf8");
  expect(showArgs(store, "user/model:1")).toEqual([
    ...["run", "--rm", "--pull", "never", "--network", "none"],
    ...["--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--read-only"],
    ...["--volume", "lab-models:/root/.ollama:ro", "--workdir", "/root/.ollama/models"],
    ...["--entrypoint", "sh", "ollama/ollama:1"],
    ...["-c", show, "sh", "registry.ollama.ai/user/model/1"],
  ]);
});
