import { Agent, request } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { parseMesh } from "../../../config/parse-mesh.ts";
import { planMesh } from "../../../plan/mesh-plan.ts";
import { admit, drain, type AdmissionInput } from "../../../steps/nodes/admission.ts";
import { serverLine } from "../../../templates/nodes/upstream.ts";
import { until } from "../../../toolchain/until.mjs";
import { bridgeAddress, docker } from "../../behaviour/harness/docker.ts";
import { ToyNode } from "../../behaviour/harness/toy-node.ts";
import { lacking } from "../../support/needs.ts";
import { BalancerUnderTest } from "../support/balancer-under-test.ts";

const why = lacking("OLLAMA_MESH_NGINX_IMAGE");
const SLOW_MS = 3000;

// Real Docker and nginx, the steps themselves, no Pulumi.
describe.skipIf(why)(`drain${why ? ` (${why})` : ""}`, { timeout: 240_000 }, () => {
  const mesh = new BalancerUnderTest(process.env["OLLAMA_MESH_NGINX_IMAGE"] ?? "");
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  let node: ToyNode;
  let front: string;

  const admission = (): AdmissionInput => {
    const { nodes, balancer } = planMesh("m", parseMesh({ nodes: [node.entry] }));
    return {
      balancer: mesh.place,
      node: "a",
      address: node.address,
      port: node.port,
      line: serverLine(balancer, nodes[0]!),
      healthPath: "/",
      drainTimeoutSeconds: 30,
    };
  };

  /** By one connection that is kept, as a client library does. */
  const tags = () =>
    new Promise<number | undefined>((resolve, reject) => {
      request({ host: front, port: 8080, path: "/api/tags", agent }, (response) => {
        response.resume().on("end", () => resolve(response.statusCode));
      })
        .on("error", reject)
        .end();
    });

  beforeAll(async () => {
    node = await ToyNode.start({ name: "a", address: await bridgeAddress() });
    // Longer than the five seconds of production: a busy machine takes as long for the change alone.
    await mesh.serve((conf) =>
      conf.replace("keepalive_min_timeout 5s;", "keepalive_min_timeout 60s;"),
    );
    const format = `{{(index .NetworkSettings.Networks "${mesh.place.network}").IPAddress}}`;
    front = (await docker("inspect", "--format", format, mesh.place.container)).trim();
  });
  afterAll(async () => {
    agent.destroy();
    await mesh[Symbol.asyncDispose]();
    await node?.die();
  });

  test("is not over while a client's kept connection may still bring the node a request", async () => {
    await admit(admission());
    expect(await tags()).toBe(200);
    node.answer = { kind: "ok", silentMs: SLOW_MS };
    const before = node.count();
    let over = false;
    const drained = drain(admission()).then(() => (over = true));
    await until(
      "a config without the node",
      async () => !(await mesh.currentConfig()).includes(`:${node.port}`),
      { seconds: 60 },
    );
    // Long enough for it to find that nothing is in flight: it looks five times a second.
    const later = Date.now() + 2000;
    await until("a drain that has looked", async () => over || Date.now() > later, { seconds: 20 });
    // The connection belongs to a worker of before the reload, which keeps it for keepalive_min_timeout.
    const asked = tags();
    await until("the request at the node", async () => node.count() === before + 1, {
      seconds: 30,
    });
    expect(over).toBe(false);
    expect(await asked).toBe(200);
    await drained;
  });

  const oldWorkers = async () =>
    (await docker("top", mesh.place.container)).split("is shutting down").length - 1;

  test("is over at once when no worker of before is left", async () => {
    node.answer = { kind: "ok" };
    await admit(admission());
    agent.destroy();
    await drain(admission());
    expect(await oldWorkers()).toBe(0);
  });
});
