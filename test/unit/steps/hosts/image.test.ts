import { describe, expect, test } from "vitest";

import { image } from "../../../../steps/hosts/image.ts";
import { StepError } from "../../../../steps/step-error.ts";
import { standInDocker } from "../../../support/stand-in-docker.ts";

const ENGINE = "unix:///run/nowhere.sock";
const INSPECT = "image inspect --format {{.Id}}";

test("only what is not there is pulled", async () => {
  const { commands } = standInDocker('case "$*" in *inspect*b:1) exit 1 ;; esac');
  const images = ["a:1", "b:1", "c:1"];
  expect(await image({ endpoint: ENGINE, images })).toEqual({ images });
  expect(commands()).toEqual([`${INSPECT} a:1`, `${INSPECT} b:1`, "pull b:1", `${INSPECT} c:1`]);
});

describe("an image that cannot be pulled", () => {
  test.each([
    [
      "manifest for b:1 not found: manifest unknown",
      "does not exist in its registry, or needs a login; correct the name, or run docker login",
    ],
    [
      "write /var/lib/docker/tmp/x: no space left on device",
      "does not fit on the host's disk; free some space (docker image prune)",
    ],
    [
      'Get "https://registry-1.docker.io/v2/": dial tcp: lookup registry-1.docker.io: no such host',
      "is not on the host and could not be pulled; correct the name, or load it there by docker load",
    ],
  ])("%s", async (said, wayOut) => {
    const line = `Error response from daemon: ${said}`;
    standInDocker(`echo '${line}' >&2; exit 1`);
    await expect(image({ endpoint: ENGINE, images: ["b:1"] })).rejects.toEqual(
      new StepError(`image b:1 ${wayOut}\n  on ${ENGINE}, docker says: ${line}`),
    );
  });
});

describe("whether nginx can trace", () => {
  const asked = { endpoint: ENGINE, images: ["a:1"], asksOtel: "a:1" };

  test.each([
    ["has the module", "exit 0", true],
    ["has it not", 'case "$*" in *ngx_otel_module*) exit 1 ;; esac', false],
  ])("%s", async (_, script, otel) => {
    const { commands } = standInDocker(script);
    expect(await image(asked)).toEqual({ images: ["a:1"], otel });
    expect(commands()[1]).toMatch(
      /^run --rm --network none --user 101:101 --cap-drop ALL .* --entrypoint sh a:1 -c .*load_module modules\/ngx_otel_module\.so;.*nginx -t/,
    );
  });

  test("what Docker cannot run is an error, and no answer", async () => {
    standInDocker('case "$*" in *ngx_otel_module*) exit 125 ;; esac');
    await expect(image(asked)).rejects.toThrow("docker");
  });
});
