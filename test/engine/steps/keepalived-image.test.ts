// The image with keepalived is built on a real engine, from the nginx image and Debian's packages.
import { afterAll, expect, test, vi } from "vitest";

import { builtImage } from "../../../lab/images/docker-image.mjs";
import { NGINX_WITH_APT_IMAGE } from "../../../lab/images/nginx-with-apt/nginx-with-apt-image.mjs";
import {
  keepalivedImage,
  keepalivedImageOn,
} from "../../../steps/balancer/virtual-address/keepalived-image.ts";
import { run } from "../../../toolchain/command.mjs";
import { figure, inSeconds } from "../../support/report/figure.ts";
import { nginxImage } from "../support/lab.ts";

vi.setConfig({ testTimeout: 600_000 });

const endpoint = "unix:///var/run/docker.sock";
const docker = (...args: string[]) => run("docker", ["-H", endpoint, ...args]);
const inImage = (image: string, script: string) =>
  docker("run", "--rm", "--entrypoint", "sh", image, "-c", script);

let nginx = "";
afterAll(async () => {
  if (nginx) await docker("rmi", "--force", keepalivedImageOn(nginx));
});

test("where there is none it is built once, and has what the container with the address runs", async () => {
  const hasApt = inImage(nginxImage(), "command -v apt-get").catch(() => "");
  nginx = (await hasApt) ? nginxImage() : await builtImage(NGINX_WITH_APT_IMAGE);
  const image = keepalivedImageOn(nginx);
  await docker("rmi", "--force", image);
  const began = performance.now();
  expect(await keepalivedImage({ endpoint, nginx })).toEqual({ image });
  figure("built in", inSeconds((performance.now() - began) / 1000));
  const id = await docker("images", "--quiet", image);
  expect(await keepalivedImage({ endpoint, nginx })).toEqual({ image });
  expect(await docker("images", "--quiet", image)).toBe(id);
  const programs = "for each in keepalived ip curl; do command -v $each; done";
  expect((await inImage(image, programs)).trim().split("\n")).toHaveLength(3);
  expect(await inImage(image, "keepalived --version 2>&1")).toMatch(/^Keepalived v2\./);
});
