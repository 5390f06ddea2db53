// The image with keepalived, of which there is no official one.
import { expect, test } from "vitest";

import {
  keepalivedImage,
  keepalivedImageOn,
} from "../../../../../steps/balancer/virtual-address/keepalived-image.ts";
import { standInDocker } from "../../../../support/stand-in-docker.ts";

const input = { endpoint: "unix:///run/nowhere.sock", nginx: "nginx:1.30.6" };
const image = keepalivedImageOn(input.nginx);

test("is named by what it is made of", () => {
  expect(image).toMatch(/^ollama-mesh\/keepalived:[0-9a-f]{16}$/);
  expect(keepalivedImageOn("nginx:1.30.7")).not.toBe(image);
});

test("is built once", async () => {
  const there = standInDocker("echo 0123");
  expect(await keepalivedImage(input)).toEqual({ image });
  expect(there.commands()).toEqual([`images --quiet ${image}`]);
});

test("is built where it is not", async () => {
  const { commands } = standInDocker("");
  expect(await keepalivedImage(input)).toEqual({ image });
  expect(commands()).toEqual([`images --quiet ${image}`, `build --force-rm --tag ${image} -`]);
});

test("may be out of an engine's reach, and is declared then", async () => {
  standInDocker('case "$*" in *" build "*) echo "E: Unable to fetch" >&2; exit 100 ;; esac');
  await expect(keepalivedImage(input)).rejects.toThrow(
    "the image with keepalived cannot be built on unix:///run/nowhere.sock: E: Unable to fetch; let that engine reach Debian's packages, or build one elsewhere, load it there by docker load, and declare it as balancer.keepalivedImage (docs/two-balancers.md)",
  );
});
