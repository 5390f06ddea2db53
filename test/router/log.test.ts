// What is not logged is counted all the same, and no line that somebody may need is left out.
import { afterEach, describe, expect, test } from "vitest";

import { until } from "../../toolchain/until.mjs";
import { ask } from "../behaviour/harness/client.ts";
import { lacking } from "../support/needs.ts";
import { RoutedMesh } from "./harness/routed-mesh.ts";

const why = lacking("OLLAMA_MESH_NGINX_IMAGE");
const image = process.env.OLLAMA_MESH_NGINX_IMAGE ?? "";
const REQUESTS = 40;

describe.skipIf(why)(`the log${why ? ` (${why})` : ""}`, () => {
  let mesh: RoutedMesh | undefined;
  afterEach(() => mesh?.[Symbol.asyncDispose]());

  const started = async (log: object) =>
    (mesh = await RoutedMesh.start(image, [{ name: "a", models: ["m:latest"], everyMs: 5 }], {
      balancer: { log },
    }));

  test("a sample has few lines of what went well and all others, and every place is given back", async () => {
    const { balancer, chat } = boundChat(await started({ samplePercent: 1, clients: "network" }));
    for (let count = 0; count < REQUESTS; count++) expect((await chat("m")).status).toBe(200);
    for (let count = 0; count < 5; count++) expect((await chat("nowhere")).status).toBe(404);
    const lines = await until(
      "the lines of what was refused",
      async () => {
        const all = (await balancer.log()).filter(({ path }) => path === "/api/chat");
        return all.filter(({ status }) => status === "404").length === 5 && all;
      },
      { seconds: 30 },
    );
    // 40 of one percent: more than 8 come once in a billion runs.
    expect(lines.filter(({ status }) => status === "200").length).toBeLessThan(9);
    expect(lines.map(({ client }) => client)).toEqual(
      lines.map(() => expect.stringMatching(/^\d+\.\d+\.\d+\.0$/)),
    );
    const { text } = await ask(`${balancer.managementUrl}/metrics`);
    expect(text).toContain(
      `mesh_requests_total{node="a",model="m:latest",status="200"} ${REQUESTS}`,
    );
    expect(text).toContain('mesh_node_in_flight{node="a"} 0');
  });

  test("without clients no line has an address", async () => {
    const { balancer, chat } = boundChat(await started({ clients: "none" }));
    expect((await chat("m")).status).toBe(200);
    const line = await until(
      "the line",
      async () => (await balancer.log()).find(({ path }) => path === "/api/chat"),
      { seconds: 30 },
    );
    expect(line["client"]).toBe("");
  });

  test("what is above a client's limits is counted as refused", async () => {
    mesh = await RoutedMesh.start(image, [{ name: "a", models: ["m:latest"], everyMs: 50 }], {
      balancer: { access: { limits: { concurrent: 1 } } },
    });
    const running = mesh;
    const answers = await Promise.all([1, 2].map(() => running.chat("m", { tokens: 40 })));
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 429]);
    const counted = await running.metrics();
    expect(counted.get('mesh_requests_total{node="",model="",status="429"}')).toBe(1);
  });

  test("tries at a second node are counted", async () => {
    const models = ["m:latest"];
    mesh = await RoutedMesh.start(image, [
      { name: "a", models },
      { name: "b", models },
    ]);
    const running = mesh;
    expect((await running.metrics()).get("mesh_retries_total")).toBe(0);
    await running.node("b").die();
    // Before it is known to be gone.
    const answers = await Promise.all(Array.from({ length: 8 }, () => running.chat("m")));
    expect(answers.map(({ status }) => status)).toEqual(Array(8).fill(200));
    const line = await until(
      "a line with two nodes",
      async () => (await running.balancer.log()).find((each) => each["upstream"]?.includes(", ")),
      { seconds: 30 },
    );
    expect(line["node"]).toBe("a");
    expect((await running.metrics()).get("mesh_retries_total")).toBeGreaterThan(0);
  });
});

const boundChat = (mesh: RoutedMesh) => ({
  balancer: mesh.balancer,
  chat: mesh.chat.bind(mesh),
});
