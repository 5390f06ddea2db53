// A program of its own that has the packed npm package as a dependency.
import { cp, rm } from "node:fs/promises";
import { join } from "node:path";

import { afterAll, expect, test, vi } from "vitest";

import { run } from "../../../toolchain/command.mjs";
import { story } from "../../support/report/story.ts";
import { secondCheckout } from "../support/checkout.ts";
import { containers } from "../support/containers.ts";
import { atLab, model, nginxImage, ollamaImage } from "../support/lab.ts";
import { ownFolder, remains } from "../support/leftovers.ts";
import { failures, load, served } from "../support/load.ts";
import { freePort } from "../support/port.ts";
import { CHECKOUT, Stack } from "../support/stack.ts";

vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 });
story();

let folder: string;
let stack: Stack;

atLab(async () => {
  folder = await ownFolder("other-program");
  await cp(join(CHECKOUT, "test/other-program"), folder, { recursive: true });
  await using checkout = await secondCheckout();
  // Built already; a pack in the checkout under test would build it anew while others use it.
  const pack = ["pack", "--ignore-scripts", "--pack-destination", folder];
  const packed = (await run("npm", pack, { cwd: checkout.folder })).trim().split("\n").at(-1)!;
  const install = ["install", "--prefer-offline", "--no-audit", "--no-fund", `./${packed}`];
  await run("npm", install, { cwd: folder });
  stack = await Stack.init(
    {
      image: ollamaImage(),
      models: [model()],
      ownPort: await freePort(),
      balancer: { image: nginxImage() },
    },
    { program: folder, project: "chatbot" },
  );
});

afterAll(async () => {
  await stack?.[Symbol.asyncDispose]();
  if (folder) await rm(folder, { recursive: true, force: true });
});

test("a mesh comes up beside a resource of the program, with an output of that resource in it", async () => {
  const preview = await stack.preview();
  expect(preview.changes).toContain("create own");
  expect(preview.changes).toContain(`create ${stack.mesh}-own-admission`);

  await stack.up();
  const outputs = await stack.outputs();
  expect(outputs["endpoint"]).toBe(stack.url);
  const gateway = await run("docker", [
    "inspect",
    "--format",
    "{{.NetworkSettings.Gateway}}",
    `${stack.mesh}-own-server`,
  ]);
  expect(outputs["nodes"]).toMatchObject([
    { name: "one", state: "active" },
    { name: "two", state: "active" },
    { name: "own", state: "backup", address: expect.stringContaining(`${gateway.trim()}:`) },
  ]);
  expect((await stack.up()).changes).toEqual([]);
});

test("its server takes over when no node of the mesh is left", async () => {
  const ask = { url: stack.url, model: model(), tokens: 4, atATime: 8, total: 24 };
  const before = await load(ask);
  expect(failures(before)).toEqual([]);
  expect(Object.keys(served(before))).toEqual(["one", "two"]);

  await run("docker", ["stop", "--time", "1", `${stack.mesh}-one`, `${stack.mesh}-two`]);
  const after = await load(ask);
  expect(failures(after)).toEqual([]);
  expect(Object.keys(served(after))).toEqual(["own"]);
});

test("destroy removes the mesh and the program's own resource, all but the models", async () => {
  await stack.destroy();
  expect(await remains(stack.mesh)).toEqual([`volume ${stack.mesh}-models`]);
  expect(await containers(stack.mesh)).toEqual({});
});
