import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { basename, join, relative } from "node:path";

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { built, builtFolder, cacheFolder, contentOf, hashOf } from "../../toolchain/cache.mjs";
import { run } from "../../toolchain/command.mjs";

const CACHE_MODULE = join(import.meta.dirname, "../../toolchain/cache.mjs");

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "ollama-mesh-cache-"));
  vi.stubEnv("OLLAMA_MESH_CACHE", folder);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true, force: true });
});

const fill = (text: string) => (into: string) => writeFile(join(into, "file"), text);

describe("the cache", () => {
  it("lies where OLLAMA_MESH_CACHE says, else where XDG_CACHE_HOME says, else in the home folder", () => {
    expect(cacheFolder()).toBe(folder);
    vi.stubEnv("OLLAMA_MESH_CACHE", "");
    vi.stubEnv("XDG_CACHE_HOME", "/xdg");
    expect(cacheFolder()).toBe("/xdg/ollama-mesh");
    vi.stubEnv("XDG_CACHE_HOME", "");
    vi.stubEnv("HOME", "/home/someone");
    expect(cacheFolder()).toBe("/home/someone/.cache/ollama-mesh");
  });

  it("means the same folder wherever a build is run: what is told from here is made absolute", () => {
    vi.stubEnv("OLLAMA_MESH_CACHE", relative(process.cwd(), folder));
    expect(cacheFolder()).toBe(folder);
  });

  it("says what to set where it cannot be written", async () => {
    await writeFile(join(folder, "file"), "");
    vi.stubEnv("OLLAMA_MESH_CACHE", join(folder, "file", "cache"));
    await expect(built("thing", ["a"], fill("one"))).rejects.toThrow(
      `what is built and downloaded cannot be kept in ${folder}/file/cache (ENOTDIR`,
    );
    await expect(built("thing", ["a"], fill("one"))).rejects.toThrow(
      "set OLLAMA_MESH_CACHE to a folder that can be written",
    );
  });

  it("builds once for the same inputs and anew for others", async () => {
    const one = await built("thing", ["a", "b"], fill("one"));
    const again = await built("thing", ["a", "b"], fill("never"));
    const other = await built("thing", ["ab"], fill("other"));
    expect(again).toBe(one);
    expect(other).not.toBe(one);
    expect(basename(one)).toBe(`thing-${hashOf(["a", "b"])}`);
    expect(await readFile(join(one, "file"), "utf8")).toBe("one");
    expect((await readdir(folder)).sort()).toEqual([basename(one), basename(other)].sort());
  });

  it("keeps nothing of a build that failed", async () => {
    const failing = built("thing", ["a"], async (into) => {
      await fill("half")(into);
      throw new Error("no space left");
    });
    await expect(failing).rejects.toThrow("no space left");
    expect(await readdir(folder)).toEqual([]);
  });

  it("builds once when two processes want the same at the same time", async () => {
    const script = `
      import { appendFileSync } from "node:fs";
      import { setTimeout as sleep } from "node:timers/promises";
      import { built } from ${JSON.stringify(CACHE_MODULE)};
      await built("thing", ["a"], async () => {
        appendFileSync(process.env.OLLAMA_MESH_CACHE + "/builds", "built\\n");
        await sleep(300);
      });`;
    const args = ["--input-type=module", "--eval", script];
    await Promise.all([run(process.execPath, args), run(process.execPath, args)]);
    expect(await readFile(join(folder, "builds"), "utf8")).toBe("built\n");
  });

  it("takes over from a run that was killed, and clears up after it", async () => {
    const target = builtFolder("thing", ["a"]);
    const { pid } = JSON.parse(
      await run(process.execPath, ["--eval", "console.log(JSON.stringify({ pid: process.pid }))"]),
    );
    await mkdir(`${target}.lock`);
    await writeFile(join(`${target}.lock`, "holder"), `${hostname()} ${pid}`);
    await mkdir(`${target}.12345678.tmp`);
    await built("thing", ["a"], fill("mine"));
    expect(await readdir(folder)).toEqual([basename(target)]);
  });

  it.runIf(process.platform === "linux")(
    "takes over from a killed run whose number another process has by now, as after a reboot",
    async () => {
      const target = builtFolder("thing", ["a"]);
      await mkdir(`${target}.lock`);
      // This process lives, and began at another time than the one that took the lock.
      await writeFile(join(`${target}.lock`, "holder"), `${hostname()} ${process.pid} 1`);
      await built("thing", ["a"], fill("mine"));
      expect(await readdir(folder)).toEqual([basename(target)]);
    },
  );
});

describe("content", () => {
  it("is the paths and bytes of all files, wherever the folder lies", async () => {
    for (const copy of ["one", "two"]) {
      await mkdir(join(folder, copy, "deep"), { recursive: true });
      await writeFile(join(folder, copy, "deep", "b"), "2");
      await writeFile(join(folder, copy, "a"), "1");
    }
    const one = contentOf(join(folder, "one"), ".");
    expect(one.map((line) => line.split(" ")[0])).toEqual(["a", "deep/b"]);
    expect(contentOf(join(folder, "two"), ".")).toEqual(one);
    await writeFile(join(folder, "two", "deep", "b"), "3");
    expect(contentOf(join(folder, "two"), ".")).not.toEqual(one);
    expect(contentOf(join(folder, "two"), "a")).toEqual([one[0]]);
  });
});
