// Names by which clients come: a page that makes its own name lead to this machine (DNS rebinding) gets nothing.
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import type { BalancerArgs } from "../../../config/balancer-args.ts";
import type { Known } from "../../../config/mesh-config.ts";
import { lacking } from "../../support/needs.ts";
import { ask } from "../harness/client.ts";
import { ToyMesh } from "../harness/mesh.ts";
import { raw, statuses } from "../harness/raw.ts";

const why = lacking("OLLAMA_MESH_NGINX_IMAGE");
const image = process.env.OLLAMA_MESH_NGINX_IMAGE ?? "";
const KEY = "hosts-0123456789abcdef";

const OWN = [
  ...["localhost", "localhost:11434", "127.0.0.1:11434", "127.9.9.9", "0.0.0.0", "[::1]:11434"],
  ...["192.168.1.7", "a.localhost", "mac.local", "host.docker.internal", "LOCALHOST"],
];
const FOREIGN = [
  ...["evil.example.org", "evil.example.org:11434", "localhost.evil.com", "local", "internal"],
  ...["127.0.0.1.evil.com", "xlocalhost", "mesh"],
];

describe.skipIf(why)(`host names${why ? ` (${why})` : ""}`, () => {
  let mesh: ToyMesh;
  const serve = (balancer: Known<BalancerArgs>) => mesh.reload(balancer);
  const status = async (host: string, headers: Record<string, string> = {}, path = "/api/tags") =>
    (await ask(`${mesh.balancer.url}${path}`, { headers: { host, ...headers } })).status;

  beforeAll(async () => {
    mesh = await ToyMesh.start(image, ["a"]);
  });
  afterAll(() => mesh?.[Symbol.asyncDispose]());

  test("of this machine, and addresses, are served at the loopback; all others are refused there, as by Ollama", async () => {
    await serve({});
    for (const host of OWN) expect([host, await status(host)]).toEqual([host, 200]);
    mesh.node("a").forget();
    for (const host of FOREIGN) {
      expect([host, await status(host)]).toEqual([host, 403]);
      expect([host, await status(host, {}, "/api/chat")]).toEqual([host, 403]);
      expect([host, await status(host, {}, "/healthz")]).toEqual([host, 403]);
    }
    expect(mesh.counts()).toEqual({ a: 0 });
    const answer = await ask(`${mesh.balancer.url}/api/tags`, { headers: { host: "evil.com" } });
    expect(JSON.parse(answer.text)).toEqual({
      error:
        "this host name is not served here: any page could make its own name lead to this machine; use localhost or an IP address, or declare the name (balancer.address)",
    });
    expect(statuses(await raw(mesh.balancer.url, "GET /api/tags HTTP/1.0\r\n\r\n"))).toEqual([200]);
  });

  test("are looked at by the management listener, too, where it is at the loopback", async () => {
    const at = async (host: string, path: string) =>
      (await ask(`${mesh.balancer.managementUrl}${path}`, { headers: { host } })).status;
    await serve({ management: { port: 11435 } });
    for (const path of ["/status.json", "/metrics", "/nodes/a/api/tags"]) {
      for (const host of OWN) expect([path, host, await at(host, path)]).toEqual([path, host, 200]);
      for (const host of FOREIGN) {
        expect([path, host, await at(host, path)]).toEqual([path, host, 403]);
      }
    }
    await serve({ management: { port: 11435, address: "192.168.1.7" } });
    expect(await at("rack1.example.org", "/status.json")).toBe(200);
  });

  test("that are declared are served", async () => {
    await serve({ address: "Mesh.Example.org" });
    expect(await status("mesh.example.org:11434")).toBe(200);
    expect(await status("a.mesh.example.org")).toBe(403);
  });

  test("are any where clients come from elsewhere, need a key, or come by a proxy", async () => {
    await serve({ listen: { address: "0.0.0.0" } });
    expect(await status("evil.example.org")).toBe(200);
    await serve({ access: { trustedProxies: ["127.0.0.1"] } });
    expect(await status("chat.example.org")).toBe(200);
    await serve({ access: { apiKeys: [{ name: "k", key: KEY }] } });
    expect(await status("evil.example.org")).toBe(401);
    expect(await status("chat.example.org", { authorization: `Bearer ${KEY}` })).toBe(200);
  });
});
