// While nginx is replaced the one before still has streams, which the new one does not count.
import { afterEach, describe, expect, test } from "vitest";

import { lacking } from "../support/needs.ts";
import { docker } from "../behaviour/harness/docker.ts";
import { ask } from "../behaviour/harness/client.ts";
import { RoutedMesh } from "./harness/routed-mesh.ts";

const why = lacking("OLLAMA_MESH_NGINX_IMAGE");
const image = process.env.OLLAMA_MESH_NGINX_IMAGE ?? "";

/** Longer than a node with a free place may be silent. */
const TOKENS = 300;
const EVERY_MS = 50;

describe.skipIf(why)(`another nginx beside${why ? ` (${why})` : ""}`, () => {
  let mesh: RoutedMesh | undefined;
  afterEach(() => mesh?.[Symbol.asyncDispose]());

  test("a node that is full of its streams is silent, and not asked whether it hangs", async () => {
    const nodes = [{ name: "a", models: ["m:latest"], places: 2, everyMs: EVERY_MS }];
    mesh = await RoutedMesh.start(image, nodes);
    const node = mesh.node("a");
    // As a process it is all that is to be seen of it.
    const title = '$0 = "nginx: master process nginx"; sleep 600';
    await docker("exec", "--detach", mesh.balancer.name, "perl", "-e", title);
    const body = JSON.stringify({ model: "m", messages: [{ content: `n=${TOKENS}` }] });
    const streams = [1, 2].map(() => ask(`http://${node.address}:${node.port}/api/chat`, { body }));
    expect((await mesh.chat("m")).status).toBe(200);
    expect(node.probes).toBe(0);
    await Promise.all(streams);
  });
});
