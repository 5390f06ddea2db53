// What the project relies on in the command plugin. The same cases run through whatever plugin is in place.
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";

import { CommandProject, type Wanted, noted } from "./command-project.ts";

// Each run of the engine takes seconds, and several of them where other tests run at the same time.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let project: CommandProject;

function inProject() {
  beforeAll(async () => {
    project = await CommandProject.create();
  });
  afterAll(async () => {
    await project.remove();
  });
}

describe("update, replacement and delete", () => {
  inProject();
  const first: Record<string, Wanted> = {
    withUpdate: { create: noted("create"), update: noted("update"), delete: noted("delete") },
    withoutUpdate: { create: noted("again"), environment: { N: "1" } },
    forgetful: { create: noted("forgetful"), addPreviousOutputInEnv: false, stdin: "1" },
    replaced: { create: noted("new"), delete: noted("old"), triggers: ["1", { deep: [1] }] },
    replacedAfterDelete: {
      create: noted("later-new"),
      delete: noted("later-old"),
      triggers: [1],
      options: { deleteBeforeReplace: true },
    },
  };

  beforeAll(async () => {
    expect((await project.up(first)).code).toBe(0);
    await project.ran();
  });

  it("runs nothing on preview", async () => {
    const changed = { ...first, withUpdate: { ...first["withUpdate"], stdin: "changed" } };
    const outcome = await project.preview({ ...changed, another: { create: noted("another") } });
    expect(outcome.code).toBe(0);
    expect(outcome.output).toContain("withUpdate update");
    expect(await project.ran()).toEqual([]);
  });

  it("runs `update`, else `create`, with the last output in the environment unless told otherwise", async () => {
    const outcome = await project.up({
      ...first,
      withUpdate: { ...first["withUpdate"], stdin: "changed" },
      withoutUpdate: { ...first["withoutUpdate"], environment: { N: "2" } },
      forgetful: { ...first["forgetful"], stdin: "2" },
    });
    expect(outcome.steps.filter((step) => !step.startsWith("same ")).sort()).toEqual([
      "update forgetful",
      "update withUpdate",
      "update withoutUpdate",
    ]);
    expect((await project.ran()).sort()).toEqual([
      "again [again-out] [again-err]",
      "forgetful [] []",
      "update [create-out] [create-err]",
    ]);
    const { withUpdate } = await project.state();
    expect(withUpdate?.outputs).toMatchObject({ stdout: "update-out", stderr: "update-err" });
  });

  it("replaces when a trigger changes: creates, then deletes, or the other way round with deleteBeforeReplace", async () => {
    const outcome = await project.up({
      replaced: { ...first["replaced"], triggers: ["1", { deep: [2] }] },
      replacedAfterDelete: { ...first["replacedAfterDelete"], triggers: [2] },
    });
    const steps = outcome.steps.filter((step) => / replaced/.test(step));
    const of = (name: string) =>
      steps.filter((step) => step.endsWith(` ${name}`)).map((s) => s.split(" ")[0]);
    expect(of("replaced")).toEqual(["create-replacement", "replace", "delete-replaced"]);
    expect(of("replacedAfterDelete")).toEqual(["delete-replaced", "replace", "create-replacement"]);
    const ran = await project.ran();
    expect(ran.filter((line) => /^(new|old)/.test(line))).toEqual([
      "new [] []",
      "old [new-out] [new-err]",
    ]);
    expect(ran.filter((line) => line.startsWith("later"))).toEqual([
      "later-old [later-new-out] [later-new-err]",
      "later-new [] []",
    ]);
    // What the program no longer names was deleted in the same run, with the last output.
    expect(ran).toContain("delete [update-out] [update-err]");
  });

  it("runs the `delete` of the state, not one the program never applied", async () => {
    const outcome = await project.pulumi("destroy", "--yes", "--skip-preview");
    expect(outcome.code).toBe(0);
    expect((await project.ran()).sort()).toEqual([
      "later-old [later-new-out] [later-new-err]",
      "old [new-out] [new-err]",
    ]);
    expect(await project.state()).toEqual({});
  });
});

describe("failure", () => {
  inProject();
  const failing = "echo to-stdout; echo to-stderr >&2; exit 3";

  it("ends `up` with the exit code, the command and all it printed, and keeps nothing in state", async () => {
    const outcome = await project.up({ failing: { create: failing } });
    expect(outcome.code).not.toBe(0);
    expect(outcome.errors("failing")).toHaveLength(1);
    const [first, ...rest] = (outcome.errors("failing")[0] ?? "").trimEnd().split("\n");
    expect(first).toContain(`exit status 3: running ${JSON.stringify(failing)}:`);
    expect(rest.map((line) => line.trim()).sort()).toEqual(["to-stderr", "to-stdout"]);
    expect(await project.state()).toEqual({});
  });

  it("says that an interpreter or a folder does not exist", async () => {
    const outcome = await project.up({
      interpreter: { create: "x", interpreter: ["/does/not/exist"] },
      dir: { create: "x", dir: "/does/not/exist" },
    });
    expect(outcome.errors("interpreter").join()).toContain(
      "/does/not/exist: no such file or directory",
    );
    expect(outcome.errors("dir").join()).toContain("/does/not/exist: no such file or directory");
  });

  it("keeps the old state when an update fails, and tries it again", async () => {
    const good: Wanted = { create: "echo good", delete: "echo gone >> $LOG" };
    expect((await project.up({ changing: good })).code).toBe(0);
    const bad: Wanted = { ...good, update: "echo tried >> $LOG; exit 1" };
    for (const attempt of ["first", "second"]) {
      expect((await project.up({ changing: bad })).code, attempt).not.toBe(0);
      expect(await project.ran(), attempt).toEqual(["tried"]);
      const { changing } = await project.state();
      expect(changing?.outputs["stdout"], attempt).toBe("good");
    }
    expect((await project.up({})).code).toBe(0);
    expect(await project.ran()).toEqual(["gone"]);
  });

  it("keeps the resource when its delete fails, and tries it again", async () => {
    const remove = `test -e ${join(project.folder, "may-go")} && echo gone >> $LOG`;
    expect((await project.up({ staying: { create: "true", delete: remove } })).code).toBe(0);
    expect((await project.up({})).code).not.toBe(0);
    expect(Object.keys(await project.state())).toEqual(["staying"]);
    const mended = await project.up({
      staying: {
        create: "true",
        delete: remove,
        update: `touch ${join(project.folder, "may-go")}`,
      },
    });
    expect(mended.code).toBe(0);
    expect((await project.up({})).code).toBe(0);
    expect(await project.ran()).toEqual(["gone"]);
  });
});
