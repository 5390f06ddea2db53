import { afterAll, beforeAll, describe, expect, test } from "vitest";

import type { AccessArgs } from "../../../config/balancer-args.ts";
import type { Known } from "../../../config/mesh-config.ts";
import { until } from "../../../toolchain/until.mjs";
import { lacking } from "../../support/needs.ts";
import { ask, CHAT } from "../harness/client.ts";
import { bridgeAddress } from "../harness/docker.ts";
import { ToyMesh } from "../harness/mesh.ts";

const why = lacking("OLLAMA_MESH_NGINX_IMAGE");
const image = process.env.OLLAMA_MESH_NGINX_IMAGE ?? "";

const apiKeys = [
  { name: "anna", key: "anna-0123456789abcdef" },
  { name: "ben", key: "ben-0123456789abcdef" },
];
const anna = { authorization: `Bearer ${apiKeys[0]!.key}` };
const ben = { "x-api-key": apiKeys[1]!.key };
const REFUSED = "more requests than one client may make (balancer.access.limits)";

describe.skipIf(why)(`limits${why ? ` (${why})` : ""}`, () => {
  let mesh: ToyMesh;
  let here: string;
  const serveWith = (access: Known<AccessArgs>) =>
    mesh.balancer.reload({ nodes: mesh.nodes.map((node) => node.entry), balancer: { access } });
  const tags = (headers: Record<string, string> = {}, path = "/api/tags") =>
    ask(`${mesh.balancer.bridgeUrl}${path}`, { headers });
  const statuses = async (count: number, headers: Record<string, string> = {}, path?: string) => {
    const all: number[] = [];
    for (let asked = 0; asked < count; asked++) all.push((await tags(headers, path)).status);
    return all;
  };

  beforeAll(async () => {
    here = await bridgeAddress();
    mesh = await ToyMesh.start(image, ["a"]);
  });
  afterAll(() => mesh?.[Symbol.asyncDispose]());

  test("requests above the rate and its burst get 429 at once, with the seconds to wait, per key", async () => {
    await serveWith({ apiKeys, limits: { requestsPerMinute: 2, burst: 2 } });
    expect(await statuses(5, anna)).toEqual([200, 200, 200, 429, 429]);
    const { text, headers } = await tags(anna);
    expect([JSON.parse(text), headers["retry-after"]]).toEqual([{ error: REFUSED }, "30"]);
    expect(await statuses(1, ben)).toEqual([200]);
  });

  test("OpenAI's clients are told in their own words", async () => {
    const { status, text } = await tags(anna, "/v1/models");
    const error = { message: REFUSED, type: "requests", param: null, code: "rate_limit_exceeded" };
    expect([status, JSON.parse(text)]).toEqual([429, { error }]);
  });

  test("what nginx answers by itself costs nothing", async () => {
    expect(await statuses(20, anna, "/healthz")).toEqual(Array(20).fill(200));
    expect(await statuses(20, anna, "/nothing")).toEqual(Array(20).fill(404));
  });

  test("a fifth of the minute is let through at once where no burst is declared", async () => {
    await serveWith({ limits: { requestsPerMinute: 5 } });
    expect(await statuses(3)).toEqual([200, 200, 429]);
  });

  test("no burst means none", async () => {
    await serveWith({ limits: { requestsPerMinute: 1, burst: 0 }, trustedProxies: [here] });
    expect(await statuses(2, { "x-forwarded-for": "198.51.100.1" })).toEqual([200, 429]);
  });

  test("without keys each address has its limit, and a /64 of IPv6 is one", async () => {
    const by = (address: string) => statuses(1, { "x-forwarded-for": address });
    expect(await by("198.51.100.2")).toEqual([200]);
    expect(await by("2001:db8:0:1::1")).toEqual([200]);
    expect(await by("2001:db8:0:1:ffff::2")).toEqual([429]);
    expect(await by("2001:db8:0:2::1")).toEqual([200]);
    expect(await by("::ffff:198.51.100.3")).toEqual([200]);
    expect(await by("::ffff:198.51.100.4")).toEqual([200]);
  });

  test("a node's question about itself is no client's: not refused, and not counted", async () => {
    const [entry] = mesh.nodes.map((node) => node.entry);
    await mesh.balancer.reload({
      nodes: [{ ...entry, managed: true, host: "ssh://gpu.lan" }],
      balancer: {
        host: "ssh://front.lan",
        listen: { address: "0.0.0.0" },
        access: {
          limits: { requestsPerMinute: 1, burst: 0, concurrent: 1 },
          trustedProxies: [here],
        },
      },
    });
    const there = { "x-forwarded-for": "198.51.100.5" };
    expect(await statuses(5, there, "/verdict/a")).toEqual(Array(5).fill(200));
    expect(await statuses(2, there)).toEqual([200, 429]);
    expect(await statuses(5, there, "/verdict/a")).toEqual(Array(5).fill(200));
  });

  test("a key may have so many requests in flight; one that ends makes room", async () => {
    await serveWith({ apiKeys, limits: { concurrent: 2 } });
    const node = mesh.node("a");
    node.forget();
    node.answer = { kind: "hang" };
    const leave = new AbortController();
    const stay = new AbortController();
    const open = [leave, stay].map(({ signal }) =>
      ask(`${mesh.balancer.bridgeUrl}/api/chat`, { ...CHAT, headers: anna, signal }).catch(() => 0),
    );
    await until("two requests at the node", async () => node.count() === 2, { seconds: 30 });
    node.answer = { kind: "ok" };
    const { status, headers } = await tags(anna);
    expect([status, headers["retry-after"]]).toEqual([429, "2"]);
    expect(await statuses(1, ben)).toEqual([200]);
    leave.abort();
    await until("room for one more", async () => (await tags(anna)).status === 200, {
      seconds: 30,
    });
    stay.abort();
    await Promise.all(open);
  });

  test("limits can be changed, taken away and counted by something else while nginx runs", async () => {
    await serveWith({ limits: { requestsPerMinute: 1, burst: 0, concurrent: 5 } });
    await serveWith({ apiKeys, limits: { requestsPerMinute: 1, burst: 0, concurrent: 7 } });
    expect(await statuses(2, ben)).toEqual([200, 429]);
    await serveWith({ apiKeys });
    expect(await statuses(3, ben)).toEqual([200, 200, 200]);
  });
});
