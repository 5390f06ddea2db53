import { randomUUID } from "node:crypto";

import { afterAll, beforeAll, expect, test } from "vitest";

import { MESH_LABEL, modelVolume } from "../../config/names.ts";
import { ensureDockerEngine } from "../../lab/docker-engine.mjs";
import { ensureImages } from "../../lab/images.mjs";
import { removeImages, removeVolumes } from "../../lab/leftovers.mjs";
import { run } from "../../toolchain/command.mjs";

const mesh = `lab-test-${randomUUID().slice(0, 8)}`;
const foreign = `foreign-${mesh}`;
const docker = (...args: string[]) => run("docker", args).then((out) => out.trim());

beforeAll(ensureDockerEngine);

afterAll(async () => {
  await docker("rm", "--force", "--volumes", `${mesh}-stays`);
  const volumes = (await docker("volume", "ls", "--quiet", "--filter", `name=${mesh}`)).split("\n");
  await docker("volume", "rm", "--force", ...volumes.filter(Boolean), `${mesh}-none`);
  await removeImages(mesh);
  await removeImages(foreign);
});

test("of all volumes only those of the mesh, by the name and label that it gives them, are removed", async () => {
  const create = (name: string, label: string) =>
    docker("volume", "create", "--label", `${MESH_LABEL}=${label}`, name);
  await create(modelVolume(mesh), mesh);
  await create(foreign, mesh);
  await create(`${mesh}-2-models`, `${mesh}-2`);
  await docker("volume", "create", `${mesh}-unlabelled`);

  expect(await removeVolumes(mesh)).toEqual([`${mesh}-models`]);

  const left = (await docker("volume", "ls", "--quiet", "--filter", `name=${mesh}`)).split("\n");
  expect(left.sort()).toEqual([foreign, `${mesh}-2-models`, `${mesh}-unlabelled`].sort());
  expect(await removeVolumes(mesh)).toEqual([]);
});

test(
  "of all images only those below the name are removed, and no container",
  { timeout: 900_000 },
  async () => {
    const { nginx } = await ensureImages();
    for (const name of [mesh, foreign]) await docker("tag", nginx, `${name}/image:1`);
    await docker("create", "--name", `${mesh}-stays`, nginx);

    expect(await removeImages(mesh)).toEqual([`${mesh}/image:1`]);

    expect(await docker("images", "--quiet", `${mesh}/image`)).toBe("");
    expect(await docker("images", "--quiet", `${foreign}/image`)).not.toBe("");
    expect(await docker("images", "--quiet", nginx)).not.toBe("");
    expect(await docker("ps", "--all", "--quiet", "--filter", `name=${mesh}-stays`)).not.toBe("");
    expect(await removeImages(mesh)).toEqual([]);
  },
);
