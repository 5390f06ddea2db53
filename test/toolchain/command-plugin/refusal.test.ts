// What our own plugin does not implement it refuses, on preview already: ignoring it would be worse than having nothing.
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";

import { CommandProject, type Wanted } from "./command-project.ts";
import { pluginInPlace, requireOurs } from "../plugin-in-place.ts";

// Each run of the engine takes seconds, and several of them where other tests run at the same time.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const plugin = await pluginInPlace("command");

describe("our own command plugin refuses", () => {
  beforeEach((context) => requireOurs(plugin, context));
  let project: CommandProject;
  beforeAll(async () => {
    project = await CommandProject.create();
  });
  afterAll(async () => {
    await project.remove();
  });

  it.each<[string, Wanted]>([
    ["command:remote:Command", { kind: "remote.Command" }],
    ["command:remote:CopyToRemote", { kind: "remote.CopyToRemote" }],
    ["command:local:run", { kind: "local.run" }],
    ["assetPaths", { create: "true", assetPaths: ["*.txt"] }],
    ["archivePaths", { create: "true", archivePaths: ["*.txt"] }],
  ])("%s, and says which plugin does it", async (what, wanted) => {
    const outcome = await project.preview({ refused: wanted });
    expect(outcome.code).not.toBe(0);
    expect(outcome.output).toContain(`${what} is not implemented`);
    expect(outcome.output).toContain("pulumi plugin install resource command 1.2.1");
  });
});
