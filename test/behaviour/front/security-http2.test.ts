import { connect } from "node:http2";
import { expect, test } from "vitest";

import { FRONT_PORT } from "../../../templates/nginx-layout.ts";
import { need } from "../../support/needs.ts";
import { makeCertificate } from "../harness/certificate.ts";
import { ToyMesh } from "../harness/mesh.ts";
import { isModelName, KEY, MANAGEMENT, odd, paths, SERVED } from "../harness/security-table.ts";

test("over HTTP/2: what is declared reaches a node with the key, and nothing else", async (context) => {
  const image = need(context, "OLLAMA_MESH_NGINX_IMAGE");
  const made = await makeCertificate(image);
  const access = { apiKeys: [{ name: "t", key: KEY }] };
  await using mesh = await ToyMesh.start(image, ["a"], { tls: made, access });
  const origin = `https://127.0.0.1:${mesh.balancer.port(FRONT_PORT)}`;
  const session = connect(origin, { ca: made.certificate });
  const ask = (headers: Record<string, string>) =>
    new Promise<number>((resolve) => {
      const stream = session.request(headers, { endStream: true });
      stream.on("response", ({ ":status": status }) => resolve(Number(status)));
      stream.on("error", () => resolve(0));
      stream.resume();
    });
  const expected: string[] = [];
  const all = [...paths(SERVED), ...MANAGEMENT, ...MANAGEMENT.flatMap(odd)];
  for (const path of all) {
    for (const method of ["GET", "POST", "DELETE"]) {
      const request = { ":method": method, ":path": path };
      // A request that HTTP/2 itself forbids (0) is refused as well.
      expect([0, 400, 401]).toContain(await ask(request));
      await ask({ ...request, "x-api-key": KEY });
      if (SERVED.has(`${method} ${path}`)) expected.push(`${method} ${path}`);
    }
  }
  session.destroy();
  const seen = mesh.node("a").requests.map(({ method, url }) => `${method} ${url}`);
  expect(seen.filter((request) => !isModelName(request))).toEqual(
    expected.filter((request) => !isModelName(request)),
  );
}, 300_000);
