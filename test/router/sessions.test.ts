import { afterEach, describe, expect, test } from "vitest";

import type { StickyArgs } from "../../config/balancer-args.ts";
import { lacking } from "../support/needs.ts";
import { until } from "../../toolchain/until.mjs";
import { type Answered, nodeOf } from "../behaviour/harness/client.ts";
import { RoutedMesh } from "./harness/routed-mesh.ts";

const why = lacking("OLLAMA_MESH_NGINX_IMAGE");
const image = process.env.OLLAMA_MESH_NGINX_IMAGE ?? "";

describe.skipIf(why)(`sessions of a mesh that knows its nodes${why ? ` (${why})` : ""}`, () => {
  let mesh: RoutedMesh | undefined;
  afterEach(() => mesh?.[Symbol.asyncDispose]());
  const start = async (sticky: StickyArgs) => {
    mesh = await RoutedMesh.start(
      image,
      ["a", "b", "c"].map((name) => ({ name, models: ["m:latest"], places: 2, everyMs: 20 })),
      { balancer: { sticky: { expiresSeconds: 60, ...sticky } } },
    );
    return mesh;
  };
  const nodesOf = (answers: Answered[]) => [...new Set(answers.map(nodeOf))];
  const inTurn = async (count: number, once: () => Promise<Answered>) => {
    const answers: Answered[] = [];
    for (let index = 0; index < count; index++) answers.push(await once());
    return answers;
  };

  test("a header's value stays on its node, also over a reload", async () => {
    const { chat, reload } = bound(await start({ header: "X-Session-ID" }));
    const of = (id: string) => () => chat("m", { headers: { "x-session-id": id } });
    const before = await inTurn(6, of("one"));
    await reload();
    const after = await inTurn(6, of("one"));
    expect(nodesOf([...before, ...after])).toHaveLength(1);
    const many = await Promise.all(Array.from({ length: 30 }, (_, index) => of(String(index))()));
    expect(nodesOf(many)).toHaveLength(3);
  });

  test("a cookie names the node, and a client that brings it stays there", async () => {
    const { chat } = bound(await start({ cookie: "mesh" }));
    const first = await chat("m");
    const [cookie = ""] = first.headers["set-cookie"] ?? [];
    expect(cookie).toBe(`mesh=${nodeOf(first)}; Max-Age=60; Path=/; HttpOnly; SameSite=Lax`);
    const again = await inTurn(6, () =>
      chat("m", { headers: { cookie: `mesh=${nodeOf(first)}` } }),
    );
    expect(nodesOf(again)).toEqual([nodeOf(first)]);
    const strange = await chat("m", { headers: { cookie: "mesh=~" } });
    expect(strange.status).toBe(200);
  });

  test("how the messages begin is a session where that is set", async () => {
    const { post } = bound(await start({ promptBytes: 64 }));
    const of = (system: string) => () =>
      post({ model: "m", messages: [{ role: "system", content: system }, { content: "n=1" }] });
    const answers = await inTurn(6, of("You are a pirate. ".repeat(10)));
    expect(nodesOf(answers)).toHaveLength(1);
  });

  test("a session whose node has its share already goes elsewhere", async () => {
    const { chat } = bound(await start({ header: "X-Session-ID" }));
    const of = () => chat("m", { tokens: 20, headers: { "x-session-id": "one" } });
    await of();
    const answers = await Promise.all(Array.from({ length: 12 }, of));
    const counts = Object.groupBy(answers, nodeOf);
    expect(Object.keys(counts).sort()).toEqual(["a", "b", "c"]);
    for (const own of Object.values(counts)) expect(own!.length).toBeLessThanOrEqual(6);
  });

  test("a session whose node is wedged moves, and stays where it moved to", async () => {
    const started = await start({ header: "X-Session-ID" });
    const { chat } = bound(started);
    const headers = { "x-session-id": "one" };
    const node = started.node(nodeOf(await chat("m", { headers })));
    node.fault = "wedged";
    const leave = new AbortController();
    const stuck = chat("m", { headers, signal: leave.signal }).catch(() => undefined);
    await until("doubt", async () => (await started.verdict(node.name)) === "quiet", {
      seconds: 10,
    });
    const moved = await inTurn(4, () => chat("m", { headers }));
    expect(nodesOf(moved)).toHaveLength(1);
    expect(nodesOf(moved)).not.toContain(node.name);
    leave.abort();
    await stuck;
  });
});

const bound = (mesh: RoutedMesh) => ({
  chat: mesh.chat.bind(mesh),
  reload: mesh.reload.bind(mesh),
  post: (body: object) => mesh.post("/api/chat", body),
});
