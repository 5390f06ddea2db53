// $mesh_node: which node answered, for logs and X-Mesh-Node.
import { describe, expect, test } from "vitest";

import type { NodeArgs } from "../../../config/node-args.ts";
import { parseMesh } from "../../../config/parse-mesh.ts";
import { planMesh } from "../../../plan/mesh-plan.ts";
import { withServers } from "../../../templates/admitted-servers.ts";
import { nginxConf } from "../../../templates/nginx-conf.ts";
import { serverLine } from "../../../templates/nodes/upstream.ts";
import { need } from "../../support/needs.ts";
import { inside, readNginx } from "../../support/nginx-tokens.ts";
import { headersFromNginx, NAMED_ADDRESS } from "../../support/nginx.ts";
import { rendered } from "./rendered.ts";

describe("the name of the node that answered", () => {
  /** What nginx's two maps give for an $upstream_addr: the last address, and its name. */
  const nameOf = (nodes: NodeArgs[], upstream: string) => {
    const { base, conf } = rendered({ nodes });
    const [, expression] = inside(readNginx(base), "http", "map $upstream_addr");
    const last = new RegExp(expression!.name.slice(1)).exec(upstream)?.[1] ?? "";
    expect(expression!.args).toEqual(["$1"]);
    return inside(readNginx(conf), "http", "map $mesh_upstream")
      .filter(({ name }) => name === last)
      .map(({ args }) => args[0]);
  };
  const external = (name: string, address: string, port = 80): NodeArgs => ({
    name,
    managed: false,
    address,
    port,
  });
  const nodes = [
    external("one", "10.0.0.1"),
    external("eleven", "10.0.0.11"),
    external("other-port", "10.0.0.1", 8080),
    // In maintenance it may have an address that the mesh network does not lead to.
    { ...external("six", "2001:DB8:0:0::6"), maintenance: true },
  ];

  test.each([
    ["10.0.0.1:80", ["one"]],
    ["10.0.0.11:80", ["eleven"]],
    ["10.0.0.1:8080", ["other-port"]],
    ["110.0.0.1:80", []],
    ["10.0.0.1:80, 10.0.0.11:80", ["eleven"]],
    ["10.0.0.11:80 : 10.0.0.1:80", ["one"]],
    ["[2001:db8::6]:80", ["six"]],
    ["10.0.0.1:80, [2001:db8::6]:80", ["six"]],
    ["[2001:db8::6]:800", []],
    ["10x0.0.1:80", []],
    ["ollama", []],
    ["", []],
  ])("%s: %j", (upstream, names) => {
    expect(nameOf(nodes, upstream)).toEqual(names);
  });
});

describe("the name of the node that answered, told by nginx itself", () => {
  // The balancer's own management server stands in for a node: it answers 404.
  const answeredBy = async (image: string, address: string, found: string) => {
    const args = {
      nodes: [{ name: "stand-in", managed: false, address: "gpu1.lan", port: 8081 }],
      balancer: { routing: "plain" },
    };
    const planned = planMesh("lab", parseMesh(args));
    const { balancer } = planned;
    // No user may declare the balancer's own address.
    const nodes = planned.nodes.map((node) => ({ ...node, address }));
    const line = serverLine(balancer, nodes[0]!);
    const servers = { "stand-in": { line, addresses: [found], port: 8081 } };
    const { conf } = withServers(nginxConf(balancer, nodes), servers);
    return (await headersFromNginx(image, conf, "/api/tags"))["x-mesh-node"];
  };

  test("of a node by address", async (context) => {
    const image = need(context, "OLLAMA_MESH_NGINX_IMAGE");
    expect(await answeredBy(image, "127.0.0.1", "127.0.0.1")).toBe("stand-in");
  }, 60_000);

  test("of a node by host name", async (context) => {
    const image = need(context, "OLLAMA_MESH_NGINX_IMAGE");
    expect(await answeredBy(image, "gpu1.lan", NAMED_ADDRESS)).toBe("stand-in");
  }, 60_000);
});
