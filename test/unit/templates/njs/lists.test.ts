import { expect, test } from "vitest";

import { mergeModels, mergeRunning, mergeTags } from "../../../../templates/njs/lists.js";

test("each model is listed once, by name, and the newest of two with one name", () => {
  const old = { name: "a", modified_at: "2026-01-01T00:00:00Z", digest: "old" };
  const recent = { name: "a", modified_at: "2026-02-01T00:00:00Z", digest: "new" };
  const other = { name: "b", modified_at: "2026-01-01T00:00:00Z" };
  expect(mergeTags([[other, old], [recent], []])).toEqual([recent, other]);
  expect(mergeTags([[recent], [old, other]])).toEqual([recent, other]);
});

test("a loaded model stays as long as the last node keeps it", () => {
  const short = { name: "a", expires_at: "2026-01-01T00:05:00Z" };
  const long = { name: "a", expires_at: "2026-01-01T01:00:00Z" };
  expect(mergeRunning([[short], [long]])).toEqual([long]);
});

test("OpenAI's list has Ollama's models as Ollama writes them, and other servers' as they are", () => {
  const tags = [
    { name: "a:7b", modified_at: "2026-01-01T00:00:00Z" },
    { name: "hf.co/owner/b:Q4", modified_at: "no time" },
  ];
  const vllm = { id: "meta/c", object: "model", owned_by: "vllm", max_model_len: 8192 };
  expect(mergeModels(tags, [[vllm], [vllm]])).toEqual([
    { id: "a:7b", object: "model", created: 1767225600, owned_by: "library" },
    { id: "hf.co/owner/b:Q4", object: "model", created: 0, owned_by: "owner" },
    vllm,
  ]);
});
