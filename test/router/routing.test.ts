import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { lacking } from "../support/needs.ts";
import { until } from "../../toolchain/until.mjs";
import { ask, nodeOf } from "../behaviour/harness/client.ts";
import { RawSocket } from "../behaviour/harness/raw-socket.ts";
import { RoutedMesh, names } from "./harness/routed-mesh.ts";

const why = lacking("OLLAMA_MESH_NGINX_IMAGE");
const image = process.env.OLLAMA_MESH_NGINX_IMAGE ?? "";

/** Requests of the claim "none of a thousand gets 404". */
const MANY = 1000;
/** A change that is not seen by then is not going to be; nodes are asked every 2.5 to 2.9 seconds. */
const NOTICED_SECONDS = 60;

describe.skipIf(why)(`routing by model${why ? ` (${why})` : ""}`, () => {
  test.each([2, 8])(
    "with a model on one of %i nodes none of 1,000 requests for it gets 404",
    async (count) => {
      const all = Array.from({ length: count }, (_, index) => ({
        name: `n${index}`,
        models: index === count - 1 ? ["all:latest", "one:7b"] : ["all:latest"],
        places: 16,
      }));
      await using mesh = await RoutedMesh.start(image, all);
      let left = MANY;
      const statuses: Record<string, number> = {};
      await Promise.all(
        Array.from({ length: 16 }, async () => {
          while (left-- > 0) {
            const answer = await mesh.chat("one:7b");
            const key = `${answer.status} by ${nodeOf(answer)}`;
            statuses[key] = (statuses[key] ?? 0) + 1;
          }
        }),
      );
      expect(statuses).toEqual({ [`200 by n${count - 1}`]: MANY });
    },
  );
});

describe.skipIf(why)(`a mesh of three nodes with different models${why ? ` (${why})` : ""}`, () => {
  let mesh: RoutedMesh;
  let front: string;
  beforeAll(async () => {
    mesh = await RoutedMesh.start(image, [
      { name: "a", models: ["all:latest", "a:latest"] },
      { name: "b", models: ["all:latest", "b:7b", "pair:latest"], loaded: ["all:latest", "b:7b"] },
      { name: "c", models: ["all:latest", "pair:latest"] },
    ]);
    front = mesh.balancer.url;
  });
  afterAll(() => mesh?.[Symbol.asyncDispose]());

  const post = (path: string, body: string | Buffer, headers: Record<string, string> = {}) =>
    ask(`${front}${path}`, { body, headers });
  const chatting = (size: number, order: "first" | "last") => {
    const content = 'lorem "model": "b:7b" '.repeat(size / 20);
    const messages = [{ role: "user", content }];
    return JSON.stringify(order === "first" ? { model: "a", messages } : { messages, model: "a" });
  };

  test.each([
    [300, "first"],
    [3000, "last"],
    [30_000, "first"],
    [30_000, "last"],
    [900_000, "last"],
    [3_000_000, "first"],
    [3_000_000, "last"],
  ] as const)("a body of %i bytes with the model %s goes where that is", async (size, order) => {
    const answer = await post("/api/chat", chatting(size, order));
    expect([answer.status, nodeOf(answer)]).toEqual([200, "a"]);
  });

  test.each([
    ["", {}],
    [", with a limit per client", { access: { limits: { concurrent: 90 } } }],
  ])(
    "bodies without a length go where their model is, however long after their headers they come%s",
    async (_, balancer) => {
      await using beside = await RoutedMesh.start(
        image,
        [
          { name: "a", models: ["a:latest"] },
          { name: "b", models: ["b:7b"] },
          { name: "c", models: ["c:latest"] },
        ],
        { balancer },
      );
      const sockets = await Promise.all(
        Array.from({ length: 40 }, () => RawSocket.open(beside.balancer.url)),
      );
      const headers = [
        "POST /api/chat HTTP/1.1",
        ...["Host: localhost", "Connection: close", "Transfer-Encoding: chunked"],
        "Expect: 100-continue",
      ];
      for (const socket of sockets) socket.write(`${headers.join("\r\n")}\r\n\r\n`);
      // nginx says so when it begins to read the body, of which nothing is there yet.
      for (const socket of sockets) await socket.expect("HTTP/1.1 100 Continue\r\n\r\n");
      const body = JSON.stringify({ model: "b:7b", messages: [] });
      for (const socket of sockets) {
        socket.write(`${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`);
      }
      for (const socket of sockets) {
        await socket.expect("HTTP/1.1 200 OK");
        await socket.expect("X-Mesh-Node: b");
        socket[Symbol.dispose]();
      }
    },
  );

  test("a model in the middle of a body, and one in a tool's schema, mislead nobody", async () => {
    const filling = "y".repeat(6000);
    const body = {
      messages: [filling],
      tools: [{ model: "b:7b" }],
      model: "a",
      options: [filling],
    };
    expect(nodeOf(await post("/api/chat", JSON.stringify(body)))).toBe("a");
  });

  test("a model in memory goes before the same one on disk", async () => {
    const nodes = await Promise.all(Array.from({ length: 8 }, () => mesh.chat("pair")));
    expect(new Set(nodes.map(nodeOf))).toEqual(new Set(["c"]));
  });

  test("a small model that was loaded nowhere yet is loaded where others would wait", async () => {
    await using beside = await RoutedMesh.start(image, [
      { name: "warm", models: ["m:latest"], everyMs: 100 },
      { name: "cold", models: ["m:latest"], loaded: [], everyMs: 100 },
    ]);
    const all = Array.from({ length: 8 }, () => beside.chat("m", { tokens: 20 }));
    expect((await Promise.all(all)).map(nodeOf)).toContain("cold");
  });

  test("a body that nobody can read goes to a node, which judges it", async () => {
    const answer = await post("/api/chat", `{"model": "a", "mess`);
    expect(answer.status).toBe(400);
  });

  test.each([
    ["/api/chat", (message: string) => ({ error: message })],
    [
      "/v1/chat/completions",
      (message: string) => ({
        error: {
          message,
          type: "invalid_request_error",
          param: "model",
          code: "model_not_found",
        },
      }),
    ],
    [
      "/v1/messages",
      (message: string) => ({ type: "error", error: { type: "not_found_error", message } }),
    ],
  ])(
    "a model that nobody has gets 404 on %s in its own shape, with what there is",
    async (path, shape) => {
      const answer = await post(path, JSON.stringify({ model: "no$pe ü" }));
      expect(answer.status).toBe(404);
      expect(answer.headers["content-type"]).toBe("application/json");
      expect(JSON.parse(answer.text)).toEqual(
        shape(
          "model 'no$pe ü' not found: no node has it; there are a:latest, all:latest, b:7b, pair:latest",
        ),
      );
    },
  );

  test("a node that lost its model since the last look is passed over", async () => {
    const { models } = mesh.node("c");
    mesh.node("c").models = ["all:latest"];
    const answer = await mesh.chat("pair");
    mesh.node("c").models = models;
    expect([answer.status, nodeOf(answer)]).toEqual([200, "b"]);
  });

  test("/api/show is answered by a node that has the model", async () => {
    const answer = await post("/api/show", `{"model":"b:7b"}`);
    expect(JSON.parse(answer.text)).toEqual({ details: { family: "b" } });
  });

  test("the lists are those of all nodes together", async () => {
    const tags = await ask(`${front}/api/tags`);
    expect(tags.headers["content-type"]).toBe("application/json; charset=utf-8");
    expect(names(tags.text)).toEqual(["a:latest", "all:latest", "b:7b", "pair:latest"]);
    const ids = await ask(`${front}/v1/models`);
    expect(JSON.parse(ids.text)).toEqual({
      object: "list",
      data: ["a:latest", "all:latest", "b:7b", "pair:latest"].map((id) => ({
        id,
        object: "model",
        created: 1767225600,
        owned_by: "library",
      })),
    });
    expect(JSON.parse((await ask(`${front}/v1/models/a`)).text)).toEqual({
      id: "a:latest",
      object: "model",
      created: 1767225600,
      owned_by: "library",
    });
    expect((await ask(`${front}/v1/models/nope`)).status).toBe(404);
  });

  test("a change of a node's models is in the lists", async () => {
    mesh.node("a").models.push("new:1b");
    await until(
      "new model in the list",
      async () => names((await ask(`${front}/api/tags`)).text).includes("new:1b"),
      { seconds: NOTICED_SECONDS },
    );
    mesh.node("a").models.pop();
    await until(
      "list without it",
      async () => !names((await ask(`${front}/api/tags`)).text).includes("new:1b"),
      { seconds: NOTICED_SECONDS },
    );
  });

  test("the log names the model, and says what the balancer refused itself", async () => {
    const answered = await mesh.chat("a", { headers: { "x-request-id": "answered" } });
    expect(answered.status).toBe(200);
    await mesh.chat("nope", { headers: { "x-request-id": "refused" } });
    expect(await mesh.balancer.logged("answered")).toMatchObject({ model: "a", refused: "" });
    expect(await mesh.balancer.logged("refused")).toMatchObject({
      model: "nope",
      refused: "404",
      status: "404",
      node: "",
    });
  });

  test("nothing of all this went wrong unseen, and no place is left taken", async () => {
    const all = await mesh.metrics();
    expect(all.get("mesh_route_faults_total")).toBe(0);
    const left = async () => Object.values(await mesh.inFlight()).every((one) => one === 0);
    await until("places given back", left, { seconds: 2 });
    const labels = [...all.keys()].join("\n");
    expect(labels).not.toContain("nope");
    const said = (await mesh.balancer.said()).split("\n");
    expect(said.filter((line) => /\[(?:error|crit|alert|emerg)\]/.test(line))).toEqual([]);
  });
});
