// A node that changes its pool, and pools that come and go: by its line in nginx alone, while it runs.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { parseMesh } from "../../../config/parse-mesh.ts";
import { planMesh } from "../../../plan/mesh-plan.ts";
import { applyConfig } from "../../../steps/balancer/apply-config.ts";
import { admit, amend, drain, type AdmissionInput } from "../../../steps/nodes/admission.ts";
import { nginxConf } from "../../../templates/nginx-conf.ts";
import { bridgeAddress } from "../../behaviour/harness/docker.ts";
import { ToyNode } from "../../behaviour/harness/toy-node.ts";
import { lacking } from "../../support/needs.ts";
import { BalancerUnderTest } from "../support/balancer-under-test.ts";

const why = lacking("OLLAMA_MESH_NGINX_IMAGE");

describe.skipIf(why)(`a node's pool${why ? ` (${why})` : ""}`, { timeout: 240_000 }, () => {
  const mesh = new BalancerUnderTest(process.env["OLLAMA_MESH_NGINX_IMAGE"] ?? "");
  let nodes: ToyNode[] = [];

  /** Serves with these pools, or with none. */
  async function serve(pools?: { name: string; path: string }[]) {
    const named = pools ? { pool: "p" } : {};
    const config = {
      nodes: [{ name: "a" }, { name: "b", ...named }],
      balancer: {
        routing: "plain",
        subnet: mesh.plan.balancer.addresses.subnet,
        ...(pools ? { pools } : {}),
      },
    };
    const plan = planMesh(mesh.name, parseMesh(config));
    const base = nginxConf(plan.balancer, plan.nodes);
    await applyConfig({ balancer: mesh.place, image: mesh.image, base, secrets: "" });
  }
  const admission = (at: number, pool?: string): AdmissionInput => {
    const { name, address, port } = nodes[at]!;
    return {
      balancer: mesh.place,
      node: name,
      address,
      port,
      line: `server ${address}:${port} weight=1;`,
      ...(pool === undefined ? {} : { pool }),
      healthPath: "/",
      drainTimeoutSeconds: 5,
    };
  };
  /** Names of the nodes that answered four requests below a path, or what nginx says. */
  async function answering(path: string): Promise<string[]> {
    for (const node of nodes) node.forget();
    let said = "";
    for (let each = 0; each < 4; each++) said = await mesh.front(`${path}/api/tags`);
    const names = nodes.flatMap((node) => (node.count("/api/tags") > 0 ? node.name : []));
    return names.length > 0 ? names : [said];
  }
  const NO_NODE = '{"error":"no node can take the request at the moment; try again"}';

  beforeAll(async () => {
    const address = await bridgeAddress();
    nodes = await Promise.all(["a", "b"].map((name) => ToyNode.start({ name, address })));
    await mesh.serve();
    await serve();
    await admit(admission(0));
    await admit(admission(1));
  });
  beforeEach(() => expect(nodes).toHaveLength(2));
  afterAll(async () => {
    await mesh[Symbol.asyncDispose]();
    for (const node of nodes) await node.die();
  });

  test("a new pool has no node until its nodes are moved into it, and the others serve on", async () => {
    expect(await answering("")).toEqual(["a", "b"]);
    await serve([{ name: "p", path: "/p" }]);
    expect([await answering(""), await answering("/p")]).toEqual([["a", "b"], [NO_NODE]]);
    await amend(admission(1, "p"));
    expect([await answering(""), await answering("/p")]).toEqual([["a"], ["b"]]);
  });

  test("a node that is drained leaves its pool alone", async () => {
    await drain(admission(1, "p"));
    expect([await answering(""), await answering("/p")]).toEqual([["a"], [NO_NODE]]);
    await admit(admission(1, "p"));
    expect(await answering("/p")).toEqual(["b"]);
  });

  test("a pool at another path keeps its nodes, and its old path is none", async () => {
    await serve([{ name: "p", path: "/other" }]);
    expect([await answering(""), await answering("/other")]).toEqual([["a"], ["b"]]);
    expect((await answering("/p"))[0]).toContain("its pools are at /other");
  });

  test("where pools are taken away all nodes are one group at once", async () => {
    await serve();
    expect(await answering("")).toEqual(["a", "b"]);
    await amend(admission(1));
    expect(await answering("")).toEqual(["a", "b"]);
  });
});
