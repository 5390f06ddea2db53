import { readFileSync } from "node:fs";

import { expect, test } from "vitest";

import { partArgs, sourceArgs } from "../../../../steps/models/model-source.ts";

const STORE = { endpoint: "ssh://gpu1", image: "ollama/ollama:1", volume: "lab-models" };
const RUN = ["run", "--rm", "--interactive", "--pull", "never", "--name", "lab.source"];
const READ_ONLY = [
  ...["--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--read-only"],
  ...["--volume", "lab-models:/root/.ollama:ro", "--workdir", "/root/.ollama/models"],
  ...["--entrypoint", "sh", "ollama/ollama:1"],
];
const PERL = [
  ...["-c", 'exec perl -e "$0" "$@"'],
  ...[readFileSync("steps/models/serve-parts.pl", "utf8"), "4000"],
];

test.each([
  ["10.0.0.7", ["--publish", "10.0.0.7::4000"]],
  ["fd00::7", ["--publish", "[fd00::7]::4000"]],
  ["gpu1.lan", ["--publish", "0.0.0.0::4000"]],
  [undefined, []],
])("a source at %s is a container that may only read, on a free port", (address, publish) => {
  const store = address === undefined ? STORE : { ...STORE, address };
  expect(sourceArgs(store, "lab.source")).toEqual([...RUN, ...publish, ...READ_ONLY, ...PERL]);
});

test("a part is read from its offset on; tail counts from 1", () => {
  expect(partArgs("lab.source", "sha256-a", 0)).toEqual([
    ...["exec", "--workdir", "/root/.ollama/models", "lab.source"],
    ...["tail", "-c", "+1", "blobs/sha256-a"],
  ]);
  expect(partArgs("lab.source", "sha256-a", 10).at(-2)).toBe("+11");
});
