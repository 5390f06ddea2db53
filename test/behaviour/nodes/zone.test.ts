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

test("the zone grows with the number of nodes, one place kept for the server that stands in", () => {
  expect([1, 62, 63, 142, 143, 302, 303, 615, 616, 1500].map(sized)).toEqual([
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
    const full = [62, 142, 302, 500];
    const confs = full.map((count) => [`${count}`, render({ nodes: nodes(count) }).conf] as const);
    const over = render({ nodes: nodes(65) }).conf.replace("zone ollama 128k", "zone ollama 64k");
    const said = await testWithNginx(need(context, "OLLAMA_MESH_NGINX_IMAGE"), {
      ...Object.fromEntries(confs),
      over,
    });
    expect(full.map((count) => said[`${count}`])).toEqual(["", "", "", ""]);
    expect(said["over"]).toContain('no memory in upstream zone "ollama"');
  },
);
