// Where a host gets a model when its first choice fails: the step as a component runs it, on this machine's engine.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";

import { canonicalModel } from "../../../steps/models/model-store.ts";
import { models } from "../../../steps/models/models.ts";
import { bridgeAddress, docker, ENGINE } from "../../behaviour/harness/docker.ts";
import { ownStackName, removeDeadMeshes } from "../support/leftovers.ts";
import { lacking } from "../../support/needs.ts";
import { LocalStore } from "../support/models/local-store.ts";
import { ToyRegistry } from "../support/models/toy-registry.ts";

const why = lacking("OLLAMA_MESH_OLLAMA_IMAGE");
/** The same engine by another name: another host. */
const ELSEWHERE = "unix:///run/docker.sock";
/** Nothing listens there. */
const UNREACHABLE = "localhost:9/library/m:latest";

describe.skipIf(why)(`a model${why ? ` (${why})` : ""}`, { timeout: 120_000 }, () => {
  const image = process.env["OLLAMA_MESH_OLLAMA_IMAGE"]!;
  const container = `fetch-${ownStackName()}.models`;
  let registry: ToyRegistry;
  /** Of the model, at a registry that answers. */
  let name: string;
  let whole: LocalStore;
  let damaged: LocalStore;
  const folders: string[] = [];

  /** A folder as Ollama keeps models in. */
  async function folderWith(...fullNames: string[]): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), "models-"));
    folders.push(folder);
    for (const each of fullNames) await registry.keepIn(folder, each);
    return folder;
  }

  beforeAll(async () => {
    await removeDeadMeshes();
    registry = await ToyRegistry.start(3_000_000);
    name = `http://${await bridgeAddress()}:${registry.port}/library/m:latest`;
    const folder = await folderWith(canonicalModel(name), UNREACHABLE);
    whole = await LocalStore.create("whole", image);
    damaged = await LocalStore.create("damaged", image);
    for (const store of [whole, damaged]) await store.fill(folder);
    await damaged.damage(registry.weights);
  });
  beforeEach(() => {
    registry.sent = 0;
    vi.stubEnv("OLLAMA_MODELS", "/nowhere");
  });
  afterAll(async () => {
    await docker("rm", "--force", container);
    await whole?.[Symbol.asyncDispose]();
    await damaged?.[Symbol.asyncDispose]();
    await registry?.[Symbol.asyncDispose]();
    for (const folder of folders) await rm(folder, { recursive: true });
  });

  const host = (endpoint: string, { place: { address: _, ...place } }: LocalStore) => ({
    ...place,
    endpoint,
  });
  const fetchTo = (store: LocalStore, model: string, peers: object[]) =>
    models({
      ...host(ENGINE, store),
      container,
      models: [model],
      minimumFreeGiB: 0,
      labels: ["ollama-mesh=test"],
      peers: peers as [],
    });
  async function requireWhole(store: LocalStore): Promise<void> {
    const { weights } = registry;
    const check = `echo "${weights.slice(7)}  blobs/${weights}" | sha256sum -c --quiet && ls`;
    expect(await store.inside(check)).toBe("blobs\nmanifests");
  }
  const refused = (promise: Promise<unknown>) =>
    promise.then(
      () => "it was got",
      (error: Error) => error.message,
    );
  const isDamaged = (model: string) =>
    `${registry.weights} is not what its digest says: it is damaged on ${ELSEWHERE}; remove the model there (ollama rm ${model})`;

  test("comes from another host where one of two has it damaged, and not over the internet", async () => {
    // Which of them is asked first is chance.
    for (let i = 0; i < 3; i++) {
      await using to = await LocalStore.create("to", image);
      await fetchTo(to, name, [host(ELSEWHERE, damaged), host(`${ENGINE}`, whole)]);
      await requireWhole(to);
    }
    expect(registry.sent).toBe(0);
  });

  test("comes over the internet where the only host that has it has it damaged, and nothing is left of the copy", async () => {
    await using to = await LocalStore.create("to", image);
    const said = vi.spyOn(process.stderr, "write");
    await fetchTo(to, name, [host(ELSEWHERE, damaged)]);
    expect(registry.sent).toBe(registry.size);
    await requireWhole(to);
    const lines = said.mock.calls.map(([text]) => String(text).trim());
    expect(lines).toContain(
      `${name}: not copied from ${ELSEWHERE}: ${isDamaged(canonicalModel(name))}`,
    );
    expect(lines).toContain(`${name}: downloading to ${ENGINE}`);
  });

  test("that nobody has and no registry gives is named, with the way out", async () => {
    await using to = await LocalStore.create("to", image);
    expect(await refused(fetchTo(to, UNREACHABLE, []))).toContain(
      `model ${UNREACHABLE} could not be downloaded, because its registry cannot be reached from the host; mend the connection, or get the model on the machine that runs pulumi (ollama pull ${UNREACHABLE}): it is copied from there\n  on ${ENGINE}, Ollama says: Error: `,
    );
    expect(await docker("ps", "--all", "--quiet", "--filter", `name=${container}`)).toBe("");
  });

  test("that only a host has whose own is damaged is named with that host", async () => {
    await using to = await LocalStore.create("to", image);
    const message = await refused(fetchTo(to, UNREACHABLE, [host(ELSEWHERE, damaged)]));
    expect(message).toContain(`model ${UNREACHABLE} could not be downloaded, because`);
    expect(message).toContain(`\n  not copied from ${ELSEWHERE}: ${isDamaged(UNREACHABLE)}`);
  });

  test("comes from the Ollama of this machine where no registry is reached", async () => {
    vi.stubEnv("OLLAMA_MODELS", await folderWith(UNREACHABLE));
    await using to = await LocalStore.create("to", image);
    await fetchTo(to, UNREACHABLE, []);
    await requireWhole(to);
    // Ollama itself finds it.
    expect(await fetchTo(to, UNREACHABLE, [])).toEqual({ models: [UNREACHABLE] });
  });

  test("comes from there also where its registry does not know it: one's own, made by ollama create", async () => {
    registry.unknown = "own";
    const own = name.replace("/m:", "/own:");
    await using to = await LocalStore.create("to", image);
    expect(await refused(fetchTo(to, own, []))).toContain(
      `model ${own} does not exist in its registry; correct the name in \`models\``,
    );
    vi.stubEnv("OLLAMA_MODELS", await folderWith(canonicalModel(own)));
    await fetchTo(to, own, []);
    await requireWhole(to);
    expect(registry.sent).toBe(0);
  });

  test("comes from its registry where that is reached, whatever this machine has", async () => {
    vi.stubEnv("OLLAMA_MODELS", await folderWith(canonicalModel(name)));
    await using to = await LocalStore.create("to", image);
    await fetchTo(to, name, []);
    expect(registry.sent).toBe(registry.size);
  });
});
