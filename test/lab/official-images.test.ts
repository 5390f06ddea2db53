import { readFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

import { ensureImages } from "../../lab/images.mjs";
import { OFFICIAL, officialImagesRefused } from "../../lab/images/official-images.mjs";
import { standIns } from "./stand-in.ts";

/** An engine that holds what was pulled, and notes it. */
const engine = (pull: string) => ({
  docker: `
    case "$1" in
    images) grep -sqxF "$3" $NOTES/pulled && echo 0123456789ab; exit 0 ;;
    pull) ${pull} ;;
    esac`,
});

test("the pinned official images are pulled where the engine can, once", async () => {
  const notes = standIns(engine('echo "1: Pulling from library/x"; echo "$2" >> $NOTES/pulled'));
  const images = { ...OFFICIAL, model: "smollm2:135m", models: ["smollm2:135m"], offline: false };
  expect(await ensureImages()).toEqual(images);
  expect(await ensureImages()).toEqual(images);
  expect(readFileSync(join(notes, "pulled"), "utf8")).toBe(
    `${OFFICIAL.nginx}\n${OFFICIAL.ollama}\n`,
  );
  expect(OFFICIAL).toEqual({ nginx: "nginx:1.30.6", ollama: "ollama/ollama:0.17.4" });
});

test("a refused pull gives the engine's reason", async () => {
  standIns(engine("echo no such host >&2; exit 1"));
  expect(await officialImagesRefused()).toBe("no such host");
});

test("a full disk is said, and no reason to build images of our own on it", async () => {
  const full = "failed to register layer: write /usr/lib/libcuda.so: no space left on device";
  standIns(engine(`echo "1: Pulling from library/x"; echo "${full}" >&2; exit 1`));
  await expect(ensureImages()).rejects.toThrow(
    `${OFFICIAL.nginx} could not be pulled: ${full}\n` +
      "Make room where Docker keeps its images (docker system df says what takes it) and run this again.",
  );
});

test("a registry that never answers is given up", async () => {
  standIns(engine("exec sleep 600"));
  expect(await officialImagesRefused()).toBe("no answer from the registry within 8 s");
});
