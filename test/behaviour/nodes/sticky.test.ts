import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { lacking } from "../../support/needs.ts";
import { ask, CHAT, nodeOf, tally } from "../harness/client.ts";
import { ToyMesh } from "../harness/mesh.ts";

const why = lacking("OLLAMA_MESH_NGINX_IMAGE");
const image = process.env.OLLAMA_MESH_NGINX_IMAGE ?? "";
// What nginx itself does; test/router has what the program does.
const COOKIE = {
  routing: "plain",
  algorithm: "round_robin",
  sticky: { cookie: "mesh", expiresSeconds: 60 },
} as const;
const HEADER = {
  routing: "plain",
  algorithm: "round_robin",
  sticky: { header: "X-Session-ID" },
} as const;

describe.skipIf(why)(`sticky clients${why ? ` (${why})` : ""}`, () => {
  let mesh: ToyMesh;
  let chat: string;
  const withCookie = (cookie: string) => ({ ...CHAT, headers: { cookie } });
  const withSession = (id: string) => ({ ...CHAT, headers: { "x-session-id": id } });
  const cookieOf = (answer: { headers: Record<string, unknown> }) =>
    String((answer.headers["set-cookie"] as string[])[0]).split(";")[0]!;

  beforeAll(async () => {
    mesh = await ToyMesh.start(image, ["a", "b", "c"], COOKIE);
    chat = `${mesh.balancer.url}/api/chat`;
  });
  afterAll(() => mesh?.[Symbol.asyncDispose]());

  test("the cookie says how long, for what path, and that scripts and other sites do not get it", async () => {
    await mesh.reload(COOKIE);
    const { headers } = await ask(chat, CHAT);
    expect(headers["set-cookie"]).toHaveLength(1);
    expect(headers["set-cookie"]![0]).toMatch(
      /^mesh=[0-9a-f]{32}; expires=[^;]+; max-age=60; httponly; samesite=lax; path=\/$/,
    );
  });

  test("a client with the cookie stays on its node, also over a reload", async () => {
    await mesh.reload(COOKIE);
    const first = await ask(chat, CHAT);
    const cookie = cookieOf(first);
    expect(await tally(chat, 6, nodeOf, withCookie(cookie))).toEqual({ [nodeOf(first)]: 6 });
    await mesh.reload(COOKIE);
    expect(await tally(chat, 6, nodeOf, withCookie(cookie))).toEqual({ [nodeOf(first)]: 6 });
    expect(await tally(chat, 6, nodeOf)).toEqual({ a: 2, b: 2, c: 2 });
  });

  test("a client whose node is gone gets another and the cookie of that", async () => {
    await mesh.reload(COOKIE);
    const first = await ask(chat, CHAT);
    const gone = mesh.node(nodeOf(first));
    await gone.die();
    const second = await ask(chat, withCookie(cookieOf(first)));
    expect(second.status).toBe(200);
    expect(nodeOf(second)).not.toBe(gone.name);
    const moved = withCookie(cookieOf(second));
    expect(await tally(chat, 4, nodeOf, moved)).toEqual({ [nodeOf(second)]: 4 });
    await gone.listen();
    expect(await tally(chat, 1, nodeOf, moved)).toEqual({ [nodeOf(second)]: 1 });
  });

  test("a draining node keeps its clients and gets no new ones", async () => {
    await mesh.reload(COOKIE);
    const first = await ask(chat, CHAT);
    const own = nodeOf(first);
    await mesh.reload(COOKIE, { [own]: { drain: true } });
    const cookie = cookieOf(first);
    expect(await tally(chat, 4, nodeOf, withCookie(cookie))).toEqual({ [own]: 4 });
    expect(await tally(chat, 12, nodeOf)).not.toHaveProperty(own);
  });

  test("maintenance moves sticky clients at once: with drain they would come for as long as the cookie lives", async () => {
    await mesh.reload(COOKIE);
    const first = await ask(chat, CHAT);
    await mesh.reload(COOKIE, { [nodeOf(first)]: { maintenance: true } });
    const after = await tally(chat, 6, nodeOf, withCookie(cookieOf(first)));
    expect(after).not.toHaveProperty(nodeOf(first));
  });

  test("by header: a value stays where it was first answered, others go by the algorithm", async () => {
    await mesh.reload(HEADER);
    const ids = Array.from({ length: 9 }, (_, index) => `session-${index}`);
    const first = new Map<string, string>();
    for (const id of ids) first.set(id, nodeOf(await ask(chat, withSession(id))));
    // Round robin: a hash of nine values would hardly be even.
    expect(
      [...Map.groupBy(first.values(), (name) => name).values()].map((all) => all.length),
    ).toEqual([3, 3, 3]);
    for (const id of ids) {
      expect(await tally(chat, 2, nodeOf, withSession(id))).toEqual({ [first.get(id)!]: 2 });
    }
  });

  test("by header: a value is remembered over a reload, and when another node goes", async () => {
    await mesh.reload(HEADER);
    const own = nodeOf(await ask(chat, withSession("kept")));
    const other = mesh.nodes.find(({ name }) => name !== own)!.name;
    await mesh.reload(HEADER, { [other]: { maintenance: true } });
    expect(await tally(chat, 5, nodeOf, withSession("kept"))).toEqual({ [own]: 5 });
  });

  test("by header: a second request follows the first while that still streams", async () => {
    await mesh.reload(HEADER);
    for (const node of mesh.nodes) node.answer = { kind: "tokens", count: 3, everyMs: 200 };
    const begun = Promise.withResolvers<void>();
    const first = ask(chat, { ...withSession("streaming"), onPiece: () => begun.resolve() });
    await begun.promise;
    const second = await ask(chat, withSession("streaming"));
    expect(nodeOf(second)).toBe(nodeOf(await first));
    for (const node of mesh.nodes) node.answer = { kind: "ok" };
  });
});
