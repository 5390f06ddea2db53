import { expect, test } from "vitest";

import { models, storeArgs } from "../../../../steps/models/models.ts";

const INPUT = {
  endpoint: "ssh://gpu1",
  container: "lab-gpu1.models",
  image: "ollama/ollama:1",
  volume: "lab-models",
  models: ["llama3.2"],
  minimumFreeGiB: 10,
  labels: ["ollama-mesh=lab", "ollama-mesh-node=gpu1"],
};

test("a host downloads by an Ollama that serves nobody and has no rights", () => {
  expect(storeArgs(INPUT)).toEqual([
    ...["run", "--detach", "--name", "lab-gpu1.models"],
    ...["--label", "ollama-mesh=lab", "--label", "ollama-mesh-node=gpu1"],
    ...["--volume", "lab-models:/root/.ollama", "--cap-drop", "ALL"],
    ...["--security-opt", "no-new-privileges", "--read-only", "--tmpfs", "/tmp"],
    ...["--env", "OLLAMA_NOPRUNE=1", "ollama/ollama:1", "serve"],
  ]);
});

test("without models nothing is started", async () => {
  expect(await models({ ...INPUT, endpoint: "unix:///nowhere", models: [] })).toEqual({
    models: [],
  });
});
