// Nodes that have different models, with nginx alone: no request ends in 404 because of where it began.
import { describe, expect, test } from "vitest";

import { lacking } from "../../support/needs.ts";
import { ask } from "../harness/client.ts";
import { ToyMesh } from "../harness/mesh.ts";

const NAMES = ["a", "b", "c", "d", "e", "f", "g", "h"];
const body = JSON.stringify({ model: "rare", messages: [] });

const why = lacking("OLLAMA_MESH_NGINX_IMAGE");
const image = process.env.OLLAMA_MESH_NGINX_IMAGE ?? "";

describe.skipIf(why)(`nodes with different models${why ? ` (${why})` : ""}`, () => {
  test.each([2, 5, 8])(
    "with routing plain, and the model on 1 of %i, 0 of 60 requests get 404",
    async (count) => {
      await using mesh = await ToyMesh.start(image, NAMES.slice(0, count), { routing: "plain" });
      for (const node of mesh.nodes.slice(1)) node.answer = { kind: "status", status: 404 };
      const statuses: Record<number, number> = {};
      for (let n = 0; n < 60; n++) {
        const { status } = await ask(`${mesh.balancer.url}/api/chat`, { method: "POST", body });
        statuses[status] = (statuses[status] ?? 0) + 1;
      }
      expect(statuses).toEqual({ 200: 60 });
    },
  );
});
