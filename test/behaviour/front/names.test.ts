import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { until } from "../../../toolchain/until.mjs";
import { lacking } from "../../support/needs.ts";
import { Balancer, render } from "../harness/balancer.ts";
import { ask, CHAT, nodeOf } from "../harness/client.ts";
import { bridgeAddress } from "../harness/docker.ts";
import { ToyDns } from "../harness/toy-dns.ts";
import { ToyNode } from "../harness/toy-node.ts";

const why = lacking("OLLAMA_MESH_NGINX_IMAGE");
const image = process.env.OLLAMA_MESH_NGINX_IMAGE ?? "";
/** Inside the balancer's container nobody listens there. */
const NOBODY = "127.0.0.9";

describe.skipIf(why)(`nodes given by name${why ? ` (${why})` : ""}`, () => {
  let dns: ToyDns;
  let node: ToyNode;
  let spare: ToyNode;
  let balancer: Balancer;
  const chat = () => ask(`${balancer.url}/api/chat`, CHAT);
  const answered = (by: string) =>
    until(`an answer from ${by}`, async () => nodeOf(await chat()) === by, { seconds: 60 });

  beforeAll(async () => {
    const address = await bridgeAddress();
    dns = await ToyDns.start(address);
    node = await ToyNode.start({ name: "gpu", address });
    spare = await ToyNode.start({ name: "spare", address });
    const nodes = [
      { ...node.entry, address: "gpu.example" },
      { ...spare.entry, backup: true },
    ];
    balancer = await Balancer.start(
      image,
      { nodes, balancer: { resolver: address, management: { port: 11435 } } },
      {
        // A second instead of the half minute that a test has no time for, and a port that is free.
        edit: (conf) =>
          conf.replace(`resolver ${address} valid=30s`, `resolver ${address}:${dns.port} valid=1s`),
        // Nothing is asked of the machine's own name servers.
        docker: ["--dns", "127.0.0.1"],
      },
    );
  });
  afterAll(async () => {
    await balancer?.[Symbol.asyncDispose]();
    await Promise.all([node?.die(), spare?.die()]);
    await dns?.[Symbol.asyncDispose]();
  });

  test("a name that nobody knows does not stop nginx: it serves, without that node", async () => {
    expect(nodeOf(await chat())).toBe("spare");
    expect((await ask(`${balancer.managementUrl}/nodes/gpu/api/tags`)).status).toBe(502);
  });

  test("once the name is known the node gets requests, without a reload", async () => {
    dns.names["gpu.example"] = [node.address];
    await answered("gpu");
    await until(
      "the node behind its management path",
      async () => (await ask(`${balancer.managementUrl}/nodes/gpu/api/tags`)).status === 200,
      { seconds: 60 },
    );
  });

  test("an address that leaves the name gets nothing more, one that returns does", async () => {
    dns.names["gpu.example"] = [NOBODY];
    await answered("spare");
    dns.names["gpu.example"] = [node.address];
    await answered("gpu");
  });

  test("a node that fails after the name changed under the request costs the client an error, though another is left", async () => {
    node.answer = { kind: "reset" };
    expect(nodeOf(await chat())).toBe("spare");
    node.answer = { kind: "hang" };
    node.forget();
    const asked = chat();
    await until("the request at the node", async () => node.count() === 1, { seconds: 30 });
    dns.names["gpu.example"] = [node.address, NOBODY];
    const before = dns.asked;
    // nginx asks again only once it has taken over what it was told.
    await until("the new addresses in nginx", async () => dns.asked >= before + 2, { seconds: 60 });
    await node.die();
    const answer = await asked;
    expect([answer.status, answer.headers["retry-after"]]).toEqual([503, expect.any(String)]);
    await node.listen();
  });

  test("without balancer.resolver nginx refuses a config with a name that it cannot look up", async () => {
    const { conf } = render({ nodes: [{ ...node.entry, address: "gpu.example" }] });
    const script = 'echo "$0" > /tmp/tested.conf && nginx -e stderr -q -t -c /tmp/tested.conf';
    await expect(balancer.exec("sh", "-c", script, conf)).rejects.toThrow(
      /host not found in upstream "gpu.example/,
    );
  });
});
