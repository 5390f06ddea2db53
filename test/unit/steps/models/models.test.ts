import { expect, test, vi } from "vitest";

import { models, storeArgs } from "../../../../steps/models/models.ts";
import { StepError } from "../../../../steps/step-error.ts";
import { standInDocker } from "../../../support/stand-in-docker.ts";

vi.mock("../../../../steps/limits.ts", async (original) => ({
  ...(await original<object>()),
  START_SECONDS: 0,
}));

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

test("a folder of the host lies over the volume's models, with the right to what others own there", () => {
  const args = storeArgs({ ...INPUT, modelsPath: "/srv/models" });
  expect(args.slice(8, 14)).toEqual([
    ...["--volume", "lab-models:/root/.ollama", "--volume", "/srv/models:/root/.ollama/models"],
    ...["--cap-add", "DAC_OVERRIDE"],
  ]);
});

test("a proxy's variables and authority are no arguments", () => {
  const pulls = { environment: { HTTPS_PROXY: "http://anna:secret@proxy" }, caCertificate: "PEM" };
  const args = storeArgs({ ...INPUT, pulls }, "/tmp/a/environment");
  expect(args.join(" ")).not.toMatch(/secret|PEM/);
  expect(args.slice(10, 14)).toEqual([
    ...[
      "--env-file",
      "/tmp/a/environment",
      "--env",
      "SSL_CERT_DIR=/tmp/authorities:/etc/ssl/certs",
    ],
  ]);
});

test("without models nothing is started", async () => {
  expect(await models({ ...INPUT, endpoint: "unix:///nowhere", models: [] })).toEqual({
    models: [],
  });
});

test.each([
  ["that ends at once", false, "Error response from daemon: container abc is not running", 1],
  ["that is none", true, 'exec: "ollama": executable file not found in $PATH', 127],
])(
  "an image of Ollama %s is told of with its last lines, and leaves no container",
  async (...row) => {
    const [, Running, said, code] = row;
    const state = [{ Id: "abc", State: { Running, Status: "", ExitCode: 1 }, Config: {} }];
    const { commands } = standInDocker(`case "$3 $4" in
"run --detach") echo abc ;;
"exec lab-gpu1.models") echo '${said}' >&2; exit ${code} ;;
"container inspect") echo '${JSON.stringify(state)}' ;;
"logs --tail") echo 'it said so' ;;
esac`);
    const failed = await models({ ...INPUT, endpoint: "unix:///nowhere" }).catch((e: Error) => e);
    expect(failed).toEqual(
      new StepError(
        `the Ollama that is to download models on unix:///nowhere does not answer (${said}); correct the image, or mend what the last lines of its container name, and run pulumi up again:\n  it said so`,
      ),
    );
    // By its id: one of the same name may be that of a later up, where this step's own was killed.
    const removed = commands().filter((each) => each.startsWith("rm "));
    expect(removed).toEqual(["rm --force lab-gpu1.models", "rm --force abc"]);
  },
);
