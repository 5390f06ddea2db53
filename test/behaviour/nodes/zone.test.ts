import { expect, test } from "vitest";

import { zoneSize } from "../../../templates/nodes/zone.ts";
import { lacking, need } from "../../support/needs.ts";
import { testWithNginx } from "../../support/nginx.ts";
import { render } from "../harness/balancer.ts";

const why = lacking("OLLAMA_MESH_NGINX_IMAGE");
const nodes = (count: number) =>
  Array.from({ length: count }, (_, index) => ({
    name: `n${index}`,
    managed: false,
    address: `10.1.${index >> 8}.${index & 255}`,
    maxConnections: 4,
  }));
const sized = (count: number) => zoneSize(nodes(count) as never);

test("the zone grows with the number of nodes, two places kept for servers of our own", () => {
  expect([1, 61, 62, 141, 142, 301, 302, 614, 615, 1500].map(sized)).toEqual([
    "64k",
    "64k",
    "128k",
    "128k",
    "256k",
    "256k",
    "512k",
    "512k",
    "1m",
    "2m",
  ]);
});

test.skipIf(why)(
  "nginx takes as many nodes as the table says, and refuses more",
  async (context) => {
    const full = [61, 141, 301, 500];
    const plain = (count: number) =>
      render({ nodes: nodes(count), balancer: { routing: "plain" } }).conf;
    const confs = full.map((count) => [`${count}`, plain(count)] as const);
    const over = plain(65).replace("zone ollama 128k", "zone ollama 64k");
    const said = await testWithNginx(need(context, "OLLAMA_MESH_NGINX_IMAGE"), {
      ...Object.fromEntries(confs),
      over,
    });
    expect(full.map((count) => said[`${count}`])).toEqual(["", "", "", ""]);
    expect(said["over"]).toContain('no memory in upstream zone "ollama"');
  },
);
