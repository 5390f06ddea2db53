import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { planMesh } from "../../../plan/mesh-plan.ts";
import { withServers } from "../../../templates/admitted-servers.ts";
import { nginxConf } from "../../../templates/nginx-conf.ts";
import { admitted } from "../../support/admitted.ts";
import { need } from "../../support/needs.ts";
import { everywhere, inside, readNginx } from "../../support/nginx-tokens.ts";
import { testWithNginx } from "../../support/nginx.ts";
import { anyNodes, rendered, servers } from "./rendered.ts";

describe("what does not change the config", () => {
  test("the order of the nodes", () => {
    fc.assert(
      fc.property(
        anyNodes.chain((nodes) =>
          fc.tuple(fc.constant(nodes), fc.shuffledSubarray(nodes, { minLength: nodes.length })),
        ),
        ([nodes, shuffled]) => {
          expect(rendered({ nodes: shuffled })).toEqual(rendered({ nodes }));
        },
      ),
    );
  });

  test("what concerns containers only", () => {
    const plain = rendered({ nodes: [{ name: "a" }] });
    const full = rendered({
      nodes: [{ name: "a", memoryMib: 1024, image: "own:1", cpus: 2, models: ["m"] }],
      models: ["n"],
      image: "own:2",
      ollama: { debug: true },
      rollout: { drainTimeoutSeconds: 1, warmUp: false },
    });
    expect(full).toEqual(plain);
  });

  test("weight, backup and maintenance, as long as no line is admitted: they are the admissions' own", () => {
    const nodes = [{ name: "a" }, { name: "b" }];
    const changed = [
      { name: "a", weight: 7, maintenance: true },
      { name: "b", backup: true, maxConnections: 4 },
    ];
    expect(rendered({ nodes: changed }).base).toBe(rendered({ nodes }).base);
  });
});

describe("many nodes", () => {
  const many = (count: number) => Array.from({ length: count }, (_, i) => ({ name: `node-${i}` }));

  test("a thousand are rendered, each with its line and its name", () => {
    const { balancer, nodes } = planMesh("lab", { nodes: many(1000) });
    const { conf } = withServers(
      nginxConf(balancer, nodes),
      Object.fromEntries(nodes.map((node) => [node.name, admitted(balancer, node)])),
    );
    expect(new Set(servers(conf)).size).toBe(1000);
    expect(inside(readNginx(conf), "http", "map $mesh_upstream")).toHaveLength(1001);
  });

  test("nginx itself takes the 500 that a mesh may have", async (context) => {
    const image = need(context, "OLLAMA_MESH_NGINX_IMAGE");
    const { conf } = rendered({ nodes: many(500) });
    expect(await testWithNginx(image, { conf })).toEqual({ conf: "" });
  }, 60_000);

  test("nginx itself takes a mesh before any node is admitted, and one with backups only", async (context) => {
    const image = need(context, "OLLAMA_MESH_NGINX_IMAGE");
    const nodes = [{ name: "a" }, { name: "b", backup: true }];
    const algorithms = ["least_conn", "round_robin", "ip_hash", "random_two_least_conn"] as const;
    const confs = Object.fromEntries([
      ...algorithms.map((algorithm) => [
        `none-${algorithm}`,
        rendered({ nodes: [{ name: "a" }], balancer: { algorithm } }, () => false).conf,
      ]),
      ["backup", rendered({ nodes }, ({ backup }) => backup).conf],
    ]);
    const said = await testWithNginx(image, confs);
    expect(said).toEqual(Object.fromEntries(Object.keys(confs).map((name) => [name, ""])));
  }, 60_000);
});

describe("what clients may reach", () => {
  const front = inside(readNginx(rendered({ nodes: [{ name: "a" }] }).conf), "http", "server");
  const locations = front.filter(({ name }) => name === "location");
  const isPassed = ({ name }: { name: string }) => name === "proxy_pass" || name === "js_content";
  const proxied = locations.filter(({ block }) => block!.some(isPassed));

  test("is a list; whatever is not on it is answered by nginx", () => {
    expect(proxied.map(({ args }) => args.join(" ")).toSorted()).toEqual([
      "/v1/models/",
      "= /",
      "= /api/chat",
      "= /api/embed",
      "= /api/embeddings",
      "= /api/generate",
      "= /api/ps",
      "= /api/pull",
      "= /api/show",
      "= /api/status",
      "= /api/tags",
      "= /api/version",
      "= /v1/audio/transcriptions",
      "= /v1/chat/completions",
      "= /v1/completions",
      "= /v1/embeddings",
      "= /v1/messages",
      "= /v1/models",
      "= /v1/responses",
      "@mesh_nodes/api/ps",
      "@mesh_nodes/api/tags",
      "@mesh_nodes/v1/models",
      "@mesh_nodes/v1/models/",
      // Reached from those above only: named, and internal by that.
      "@mesh_streamed",
      "@mesh_streamed_below",
    ]);
    expect(
      locations.filter(({ args }) => args.join(" ") === "/").map(({ block }) => block),
    ).toEqual([[{ name: "return", args: ["404"] }]]);
  });

  test("no proxied location has a proxy_set_header of its own, which would lose all others", () => {
    const own = proxied.flatMap(({ block }) => block!.map(({ name }) => name));
    expect([...new Set(own)].toSorted()).toEqual([
      "add_header",
      "client_body_buffer_size",
      "client_max_body_size",
      "if",
      "js_body_filter",
      "js_content",
      "js_header_filter",
      "limit_conn_dry_run",
      "proxy_pass",
      "proxy_request_buffering",
      "rewrite",
      "set",
    ]);
  });

  test("nodes see Ollama's own host, no origin and no key", () => {
    const headers = front
      .filter(({ name }) => name === "proxy_set_header")
      .map(({ args }) => args as [string, string]);
    expect(Object.fromEntries(headers)).toEqual({
      Connection: "",
      Host: "localhost:11434",
      Origin: "",
      Authorization: "",
      "X-API-Key": "",
      "X-Real-IP": "$mesh_client",
      "X-Forwarded-For": "$mesh_client",
      Forwarded: "",
      "X-Forwarded-Proto": "$scheme",
      "X-Request-ID": "$mesh_request_id",
      "CDN-Loop": "$mesh_passed",
    });
  });

  test("what only the mesh may ask listens on the container's loopback and in sockets, what nodes ask on its network; ports can be shared with the next nginx", () => {
    const listens = everywhere(readNginx(rendered({ nodes: [{ name: "a" }] }).conf), "listen");
    expect(listens.map(({ args }) => args.join(" "))).toEqual([
      "8080 default_server reuseport so_keepalive=60s:15s:4",
      "127.0.0.1:8081 reuseport",
      "unix:/tmp/mesh.sock",
      "unix:/tmp/mesh-refusing.sock",
      "unix:/tmp/mesh-periodic.sock",
      "8084 reuseport",
    ]);
  });
});
