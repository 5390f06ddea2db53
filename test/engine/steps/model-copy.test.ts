// Copies of models that are cut, damaged or blocked, between containers of this machine's engine.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { CopyFailed, copyModel } from "../../../steps/models/model-copy.ts";
import { openSource, type ModelSource } from "../../../steps/models/model-source.ts";
import { blobsOf, type StoredModel } from "../../../steps/models/model-store.ts";
import { run } from "../../../toolchain/command.mjs";
import { until } from "../../../toolchain/until.mjs";
import { docker, ENGINE } from "../../behaviour/harness/docker.ts";
import { figure, inSeconds } from "../../support/report/figure.ts";
import { lacking } from "../../support/needs.ts";
import { CuttingProxy, type Cut } from "../support/models/cutting-proxy.ts";
import { removeDeadMeshes } from "../support/leftovers.ts";
import { LocalStore } from "../support/models/local-store.ts";
import { ToyRegistry } from "../support/models/toy-registry.ts";

const why = lacking("OLLAMA_MESH_OLLAMA_IMAGE");
const MIB = 1024 ** 2;
const CUT_AT = 10 * MIB;
const MODEL = "registry.lan/library/m:latest";

describe.skipIf(why)(`a model is copied${why ? ` (${why})` : ""}`, { timeout: 240_000 }, () => {
  const image = process.env["OLLAMA_MESH_OLLAMA_IMAGE"]!;
  let registry: ToyRegistry;
  let from: LocalStore;
  let folder: string;
  let model: StoredModel;

  beforeAll(async () => {
    await removeDeadMeshes();
    registry = await ToyRegistry.start(32 * MIB + 123);
    model = { manifest: registry.manifest, blobs: blobsOf(registry.manifest) };
    folder = await mkdtemp(join(tmpdir(), "models-"));
    await registry.keepIn(folder, MODEL);
    from = await LocalStore.create("from", image);
    await from.fill(folder);
  });
  afterAll(async () => {
    await from?.[Symbol.asyncDispose]();
    await registry?.[Symbol.asyncDispose]();
    if (folder) await rm(folder, { recursive: true });
  });

  const emptyStore = () => LocalStore.create("to", image);
  const begun = () => `lan/${registry.weights}`;
  const copy = (to: LocalStore, source: ModelSource) =>
    copyModel({ endpoint: ENGINE, container: to.name }, source, MODEL, model);
  /** A source that ends with what the test has of it. */
  const opened = async (to: LocalStore) => {
    const source = await openSource(from.place, to.name);
    return { source, [Symbol.asyncDispose]: source.close };
  };
  const sourceOf = async (to: LocalStore) =>
    (await docker("ps", "--quiet", "--filter", `name=${to.name}.source`)).trim();
  const through = (source: ModelSource, { port }: CuttingProxy): ModelSource => ({
    ...source,
    listener: { ...source.listener!, port },
  });
  async function requireWhole(to: LocalStore): Promise<void> {
    const sums = model.blobs.map(({ file }) => `echo "${file.slice(7)}  blobs/${file}"`).join(";");
    expect(await to.inside(`(${sums}) | sha256sum -c --quiet && echo whole`)).toBe("whole");
    expect(await to.inside(`cat manifests/${MODEL.replace(":", "/")}`)).toBe(model.manifest);
    expect(await to.inside("ls")).toBe("blobs\nmanifests");
  }

  test.each<Cut>(["ends", "breaks", "falls silent"])(
    "when its connection %s in the middle, it goes on where it ended",
    async (cut) => {
      await using to = await emptyStore();
      await using open = await opened(to);
      await using proxy = await CuttingProxy.start(open.source.listener!, CUT_AT, cut);
      const began = Date.now();
      expect(await copy(to, through(open.source, proxy))).toBe(registry.size);
      figure("copy", inSeconds((Date.now() - began) / 1000));
      figure("moved", `${(proxy.passed / registry.size).toFixed(2)} times its size`);
      await requireWhole(to);
      // What is in a connection that breaks is lost.
      if (cut === "breaks") expect(proxy.passed).toBeLessThanOrEqual(registry.size + CUT_AT);
      else expect(proxy.passed).toBe(registry.size);
    },
  );

  test("when its source dies in the middle it says so, and a later run goes on where it ended", async () => {
    await using to = await emptyStore();
    await using open = await opened(to);
    const dies = async () => docker("kill", await sourceOf(to));
    await using proxy = await CuttingProxy.start(open.source.listener!, CUT_AT, "ends", dies);
    const failed: unknown = await copy(to, through(open.source, proxy)).catch((error) => error);
    expect(failed).toBeInstanceOf(CopyFailed);
    expect(failed).toMatchObject({ gotFurther: true });
    expect((failed as Error).message).toBe(
      `the connection to ${ENGINE} broke; pulumi up goes on where it ended`,
    );
    expect(await to.size(begun())).toBe(CUT_AT);
    expect(await to.size(`blobs/${registry.weights}`)).toBe(0);
    expect(await to.inside("ls manifests/registry.lan/library/m")).toBe("");

    await using again = await opened(to);
    await using counted = await CuttingProxy.start(again.source.listener!, Infinity, "ends");
    expect(await copy(to, through(again.source, counted))).toBe(registry.size - CUT_AT);
    expect(counted.passed).toBe(registry.size - CUT_AT);
    await requireWhole(to);
  });

  test("when the connection to its target breaks, what runs there is ended before anything else writes", async () => {
    await using to = await emptyStore();
    await using open = await opened(to);
    await using proxy = await CuttingProxy.start(open.source.listener!, CUT_AT, "falls silent");
    const copying = copy(to, through(open.source, proxy));
    await until("10 MiB", async () => (await to.size(begun())) === CUT_AT, { seconds: 30 });
    // Not what it runs: that goes on in the container, as over an ssh connection that is gone.
    const ours = await run("ps", ["-o", "pid=,args=", "--ppid", String(process.pid)]);
    const [, pid] = new RegExp(`^ *(\\d+) docker .* exec -i .*${to.name}`, "m").exec(ours) ?? [];
    process.kill(Number(pid), "SIGKILL");
    expect(await copying).toBe(registry.size);
    await requireWhole(to);
    const left = (await docker("top", to.name, "-o", "pid,comm")).trim().split("\n").slice(1);
    // The container's own, and for some seconds the one between two looks.
    expect(new Set(left.map((line) => line.trim().split(/ +/)[1]))).toEqual(new Set(["sleep"]));
  });

  test("through this machine it goes on where it ended, too", async () => {
    await using to = await emptyStore();
    await using open = await opened(to);
    await to.inside(`mkdir lan`);
    const source = { ...open.source, listener: undefined };
    const dies: ModelSource = {
      name: "a host",
      close: source.close,
      read: (file, offset) => {
        const part = source.read(file, offset);
        let bytes = 0;
        part.on("data", (chunk: Buffer) => {
          if ((bytes += chunk.length) > CUT_AT) part.destroy(new Error("is gone"));
        });
        return part;
      },
    };
    const failed: unknown = await copy(to, dies).catch((error) => error);
    expect(failed).toMatchObject({
      message: "a host: is gone; pulumi up goes on where it ended",
      gotFurther: true,
    });
    const arrived = await to.size(begun());
    expect(arrived).toBeGreaterThan(0);
    let read = 0;
    const counted: ModelSource = {
      ...dies,
      read: (file, offset) =>
        source.read(file, offset).on("data", (chunk: Buffer) => (read += chunk.length)),
    };
    expect(await copy(to, counted)).toBe(registry.size - arrived);
    expect(read).toBe(registry.size - arrived);
    await requireWhole(to);
  });

  test("from a host that nobody reaches it comes through this machine, sooner than Linux gives up", async () => {
    await using to = await emptyStore();
    await using open = await opened(to);
    const address = from.place.address!.replace(/\d+$/, "253");
    const source = { ...open.source, listener: { ...open.source.listener!, address } };
    const began = Date.now();
    expect(await copy(to, source)).toBe(registry.size);
    figure("copy", inSeconds((Date.now() - began) / 1000));
    // Linux tries to connect for two minutes.
    expect(Date.now() - began).toBeLessThan(60_000);
    await requireWhole(to);
  });

  test.each([
    ["directly", true],
    ["through this machine", false],
  ])(
    "%s: what an earlier run left damaged is thrown away, and it begins anew",
    async (_, direct) => {
      await using to = await emptyStore();
      await using open = await opened(to);
      const settings = model.blobs.find(({ file }) => file !== registry.weights)!;
      for (const [file, bytes] of [
        [registry.weights, 5 * MIB],
        [settings.file, settings.size],
      ] as const) {
        await to.inside(`mkdir -p lan && head -c ${bytes} /dev/zero > lan/${file}`);
      }
      const { listener: _listener, ...relayed } = open.source;
      await copy(to, direct ? open.source : relayed);
      await requireWhole(to);
    },
  );

  test("what is longer than it may be is thrown away, too", async () => {
    await using to = await emptyStore();
    await using open = await opened(to);
    await to.inside(`mkdir lan && head -c ${registry.size + MIB} /dev/zero > ${begun()}`);
    expect(await copy(to, open.source)).toBe(registry.size);
    await requireWhole(to);
  });

  test.each([
    ["directly", true],
    ["through this machine", false],
  ])("%s: what is damaged at its source is refused by name, and not kept", async (_, direct) => {
    const mend = await from.damage(registry.weights);
    await using to = await emptyStore();
    await using open = await opened(to);
    let reads = 0;
    const { listener, ...relayed } = {
      ...open.source,
      read: (file: string, offset: number) => (reads++, open.source.read(file, offset)),
    };
    const failed: unknown = await copy(to, direct ? { ...relayed, listener: listener! } : relayed)
      .catch((error) => error)
      .finally(mend);
    expect(failed).toMatchObject({
      message: `${registry.weights} is not what its digest says: it is damaged on ${ENGINE}; remove the model there (ollama rm ${MODEL})`,
      gotFurther: false,
    });
    expect(await to.inside(`ls blobs/${registry.weights} ${begun()} 2>&1 || true`)).not.toMatch(
      /^(blobs|lan)/m,
    );
    // Nothing is moved twice.
    expect(reads).toBe(direct ? 0 : model.blobs.length);
  });

  test("nothing is left that runs or listens", async () => {
    await using to = await emptyStore();
    {
      await using open = await opened(to);
      expect(await sourceOf(to)).not.toBe("");
      await copy(to, open.source);
    }
    await until("the source is gone", async () => (await sourceOf(to)) === "", { seconds: 60 });
  });
});
