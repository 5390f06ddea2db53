import { afterAll, beforeAll, describe, expect, test } from "vitest";

import type { AccessArgs } from "../../../config/balancer-args.ts";
import type { Known } from "../../../config/mesh-config.ts";
import { FRONT_PORT } from "../../../templates/nginx-layout.ts";
import { lacking } from "../../support/needs.ts";
import { ask } from "../harness/client.ts";
import { bridgeAddress } from "../harness/docker.ts";
import { ToyMesh } from "../harness/mesh.ts";

const why = lacking("OLLAMA_MESH_NGINX_IMAGE");
const image = process.env.OLLAMA_MESH_NGINX_IMAGE ?? "";

const REFUSED = JSON.stringify({ error: "this network may not use the load balancer" });

describe.skipIf(why)(`networks${why ? ` (${why})` : ""}`, () => {
  let mesh: ToyMesh;
  /** This machine's address on the bridge: where the balancer sees the tests come from. */
  let here: string;
  const serveWith = (access: Known<AccessArgs>) =>
    mesh.balancer.reload({
      nodes: mesh.nodes.map((node) => node.entry),
      balancer: { access, listen: { address: "0.0.0.0" } },
    });
  const from = async (forwardedFor?: string, path = "/api/tags") => {
    const headers = forwardedFor === undefined ? {} : { "x-forwarded-for": forwardedFor };
    return (await ask(`${mesh.balancer.bridgeUrl}${path}`, { headers })).status;
  };

  beforeAll(async () => {
    here = await bridgeAddress();
    mesh = await ToyMesh.start(image, ["a"]);
  });
  afterAll(() => mesh?.[Symbol.asyncDispose]());

  test("a denied network is refused on every path, /healthz included, and nothing reaches a node", async () => {
    await serveWith({ deny: [`${here}/16`] });
    mesh.node("a").forget();
    for (const path of ["/api/tags", "/healthz", "/nothing", "/api/delete", "/mesh-error/400"]) {
      const { status, text } = await ask(`${mesh.balancer.bridgeUrl}${path}`);
      const expected = path.startsWith("/mesh-error") ? 404 : 403;
      expect([path, status]).toEqual([path, expected]);
      if (status === 403) expect(text).toBe(REFUSED);
    }
    expect(mesh.node("a").requests).toEqual([]);
    const inside = `http://127.0.0.1:${FRONT_PORT}/api/tags`;
    expect(await mesh.balancer.exec("curl", "-fsS", inside)).toBe('{"done":true}');
  });

  test("where networks are allowed, all others are refused", async () => {
    await serveWith({ allow: ["127.0.0.1"] });
    expect(await from()).toBe(403);
    await serveWith({ allow: ["127.0.0.1", `${here}/24`] });
    expect(await from()).toBe(200);
  });

  test("a denied address inside an allowed network stays out, and an allowed one inside a denied network too", async () => {
    await serveWith({ allow: [`${here}/16`], deny: [here] });
    expect(await from()).toBe(403);
    await serveWith({ allow: [here], deny: [`${here}/16`] });
    expect(await from()).toBe(403);
  });

  test("without trusted proxies X-Forwarded-For changes nothing", async () => {
    await serveWith({ allow: ["203.0.113.0/24"] });
    expect(await from("203.0.113.7")).toBe(403);
  });

  test("behind a trusted proxy the client's address counts, not one that the client put before it", async () => {
    await serveWith({ allow: ["203.0.113.0/24", "2001:db8::/32"], trustedProxies: [`${here}/32`] });
    expect(await from()).toBe(403);
    expect(await from("203.0.113.7")).toBe(200);
    expect(await from("2001:db8::7")).toBe(200);
    expect(await from("198.51.100.9")).toBe(403);
    expect(await from("203.0.113.7, 198.51.100.9")).toBe(403);
    expect(await from("198.51.100.9, 203.0.113.7")).toBe(200);
    // A second trusted proxy in between is passed over.
    expect(await from(`203.0.113.7, ${here}`)).toBe(200);
  });

  test("a node is told the client's address and nothing that the client made up", async () => {
    const told = async (access: Known<AccessArgs>) => {
      await serveWith(access);
      mesh.node("a").forget();
      await ask(`${mesh.balancer.bridgeUrl}/api/tags`, {
        headers: {
          "x-forwarded-for": "192.0.2.66, 203.0.113.7",
          "x-real-ip": "192.0.2.66",
          "x-forwarded-proto": "https",
          forwarded: "for=192.0.2.66",
        },
      });
      const { headers } = mesh.node("a").requests[0]!;
      return {
        forwardedFor: headers["x-forwarded-for"],
        realIp: headers["x-real-ip"],
        proto: headers["x-forwarded-proto"],
        forwarded: headers["forwarded"],
      };
    };
    const plain = { proto: "http", forwarded: undefined };
    expect(await told({})).toEqual({ forwardedFor: here, realIp: here, ...plain });
    expect(await told({ trustedProxies: [here] })).toEqual({
      forwardedFor: "203.0.113.7",
      realIp: "203.0.113.7",
      ...plain,
    });
  });

  test("networks written in any way are one to nginx: bits behind the mask, twice, IPv6", async () => {
    const same = ["10.1.2.3/8", "10.0.0.0/8", "10.9.9.9/8"];
    const six = ["2001:DB8:0:0::1/32", "2001:db8::/32", "::ffff:192.0.2.1", "::/0", "::1/128"];
    const access = { allow: [...same, ...six, `${here}/0`], deny: ["::2"], trustedProxies: six };
    await serveWith(access);
    expect(await from()).toBe(200);
    const said = await mesh.balancer.exec(
      "sh",
      "-c",
      "nginx -e stderr -t -q -c /etc/nginx/mesh/current/nginx.conf 2>&1",
    );
    expect(said).toBe("");
  });
  test("what Docker's proxy hands on is this machine: seen, logged and passed on as 127.0.0.1, never as the gateway", async () => {
    // Of which Docker's proxy comes from the first address.
    const subnet = here.replace(/\d+\.\d+$/, "0.0/16");
    const proxied = async (access: Known<AccessArgs>, headers: Record<string, string> = {}) => {
      const nodes = mesh.nodes.map((node) => node.entry);
      await mesh.balancer.reload({
        nodes,
        balancer: { access, subnet, listen: { address: "0.0.0.0" } },
      });
      mesh.node("a").forget();
      const id = `who-${Math.random().toString(36).slice(2)}`;
      const { status } = await ask(`${mesh.balancer.url}/api/tags`, {
        headers: { ...headers, "x-request-id": id },
      });
      return {
        status,
        logged: (await mesh.balancer.logged(id))["client"],
        told: mesh
          .node("a")
          .requests.map((request) => [
            request.headers["x-real-ip"],
            request.headers["x-forwarded-for"],
          ]),
      };
    };
    const itself = [["127.0.0.1", "127.0.0.1"]];
    expect(await proxied({})).toEqual({ status: 200, logged: "127.0.0.1", told: itself });
    expect(await proxied({ allow: ["127.0.0.1", "192.168.0.0/16"] })).toEqual({
      status: 200,
      logged: "127.0.0.1",
      told: itself,
    });
    expect(
      await proxied({ deny: ["127.0.0.0/8"], allow: ["0.0.0.0/0"], trustedProxies: ["192.0.2.1"] }),
    ).toEqual({
      status: 403,
      logged: "127.0.0.1",
      told: [],
    });
    // A proxy on this machine.
    const forwarded = { "x-forwarded-for": "203.0.113.7" };
    expect(
      await proxied({ trustedProxies: ["127.0.0.1"], allow: ["203.0.113.0/24"] }, forwarded),
    ).toEqual({
      status: 200,
      logged: "203.0.113.7",
      told: [["203.0.113.7", "203.0.113.7"]],
    });
  });
});
