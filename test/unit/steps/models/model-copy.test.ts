import { readFileSync } from "node:fs";

import { expect, test } from "vitest";

import { copyArgs, sizesArgs } from "../../../../steps/models/model-copy.ts";

const [A, B] = [`sha256-${"a".repeat(64)}`, `sha256-${"b".repeat(64)}`];
const MODEL = {
  manifest: "{}",
  blobs: [
    { file: A, size: 7 },
    { file: B, size: 8 },
  ],
};
const IN = ["exec", "-i", "--workdir", "/root/.ollama/models", "lab.models", "bash", "-c"];
const script = (name: string) => readFileSync(`steps/models/${name}`, "utf8");

test("a copy is told where its source listens, and no token: arguments can be seen", () => {
  const listener = { address: "10.0.0.7", port: 40_000, token: "hidden" };
  expect(copyArgs("lab.models", "m:latest", MODEL, listener)).toEqual([
    ...[...IN, script("copy-model.sh"), "bash"],
    ...["10.0.0.7", "40000", "registry.ollama.ai/library/m/latest", `${A}/7`, `${B}/8`],
  ]);
});

test("without a listener it only verifies", () => {
  expect(copyArgs("lab.models", "m:latest", MODEL).slice(IN.length + 1)).toEqual([
    ...["bash", "", "", "registry.ollama.ai/library/m/latest", `${A}/7`, `${B}/8`],
  ]);
});

test("sizes are asked of every part at once", () => {
  expect(sizesArgs("lab.models", MODEL)).toEqual([
    ...[...IN, script("part-sizes.sh"), "bash", `${A}/7`, `${B}/8`],
  ]);
});
