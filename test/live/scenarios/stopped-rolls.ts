// Rolls that meet a node which does not come back: the others serve, and no second one is taken out.
import { serverLines } from "../../engine/support/containers.ts";
import { ollamaImage } from "../../engine/support/lab.ts";
import { actingImage, nextRelease } from "../derived-images.ts";
import type { LiveMesh } from "../live-mesh.ts";
import { meshWith, node, type Scenario } from "../scenario.ts";

const SHORT = { rollout: { readyTimeoutSeconds: 10 } };
const acts = (how: string) => ({ ollama: { environment: { MESH_LIVE_ACTS: how } } });

const PREPARED = ["update local-preflight", "update local-images", "update local-models"];

/** Nodes that nginx has a line for. */
const admitted = async ({ mesh }: LiveMesh) =>
  Object.keys(await serverLines(mesh))
    .sort()
    .join();

export const badImages: Scenario = {
  name: "bad-images",
  about: "an image that never gets ready, one that answers 500; both mended",
  async config() {
    return meshWith({ image: await actingImage(ollamaImage()), ...SHORT }, "a", "b", "c");
  },
  async run(live) {
    const image = await actingImage(ollamaImage());
    const config = (...nodes: (string | object)[]) => meshWith({ image, ...SHORT }, ...nodes);
    const out = ["update local-preflight", "update a-turn", "replace a"];
    const cases: [string, string, (RegExp | string)[]][] = [
      [
        "never ready",
        "deaf",
        [/node a is not ready and gets no traffic: .*\/api\/version: not within 10 s/],
      ],
      [
        "answers 500",
        "500",
        ["node a is not ready and gets no traffic", "status 500", "the runner has died"],
      ],
    ];
    for (const [what, how, says] of cases) {
      const row = await live.failing(what, config(node("a", acts(how)), "b", "c"), {
        says,
        touches: [...out, "delete a-ready", "delete a-admission"],
      });
      live.expect(row, (await admitted(live)) === "b,c", `${await admitted(live)} are admitted`);
      await live.planned("mended", config("a", "b", "c"), {
        touches: [...out, "create a-ready", "create a-admission"],
      });
    }
  },
};

export const stoppedRoll: Scenario = {
  name: "stopped-roll",
  about: "the second node of a roll fails; then another change, and the way back",
  async config() {
    return meshWith({ image: await actingImage(ollamaImage()), ...SHORT }, "a", "b", "c");
  },
  async run(live) {
    const old = await actingImage(ollamaImage());
    const next = await nextRelease(old, "acting");
    const broken = node("b", acts("deaf"));
    const config = (image: string, ...nodes: (string | object)[]) =>
      meshWith({ image, ...SHORT }, ...nodes);
    const serving = async (row: { problems: string[] }, nodes: string) =>
      live.expect(
        row as never,
        (await admitted(live)) === nodes,
        `${await admitted(live)} are admitted`,
      );

    const halfOfB = ["replace b", "update b-turn"];
    const stopped = await live.failing(
      "the second of three fails",
      config(next, "a", broken, "c"),
      {
        says: ["node b is not ready and gets no traffic"],
        touches: [
          ...PREPARED,
          "replace node a",
          ...halfOfB,
          "delete b-ready",
          "delete b-admission",
        ],
      },
    );
    await serving(stopped, "a,c");
    const other = await live.failing(
      "instead of mending it, another change, of a",
      config(next, node("a", acts("")), broken, "c"),
      { says: [/node b is not ready|node a stays in traffic: b is out already/] },
    );
    await serving(other, "a,c");
    const back = await live.planned("then the way back", config(old, "a", "b", "c"), {
      touches: [...PREPARED, ...halfOfB, "create b-ready", "create b-admission", "replace node a"],
    });
    await serving(back, "a,b,c");
  },
};
