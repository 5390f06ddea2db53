// Every method and path of the pinned Ollama's router, asked of a real node and of a mesh in front of it: a release with a
// new route, or another answer, fails here.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";

import { ACCOUNT_ROUTES, isManagementRoute } from "../../../config/routes.ts";
import { run } from "../../../toolchain/command.mjs";
import { until } from "../../../toolchain/until.mjs";
import { Balancer } from "../../behaviour/harness/balancer.ts";
import { ask } from "../../behaviour/harness/client.ts";
import { lacking, need } from "../../support/needs.ts";
import { nginxImage, ollamaImage } from "../support/lab.ts";
import { ownStackName } from "../support/leftovers.ts";

const NEEDS = ["OLLAMA_MESH_NGINX_IMAGE", "OLLAMA_MESH_OLLAMA_IMAGE"] as const;
const NAME = `mesh-${ownStackName()}`;
const METHODS = ["DELETE", "GET", "HEAD", "PATCH", "POST", "PUT"];
/** Of the pinned version, and not of the one that the mesh runs by default. */
const GONE = ["/v1/images/edits", "/v1/images/generations"];

let node = "";
let balancer: Balancer;
let routes: Map<string, string[]>;

/** Methods by path, of the router in Ollama's sources, which the lab's Ollama is built of. */
async function routerOf(folder: string): Promise<Map<string, string[]>> {
  const source = await readFile(join(folder, "server", "routes.go"), "utf8");
  const found = [...source.matchAll(/\br\.(DELETE|GET|HEAD|PATCH|POST|PUT)\("([^"]+)"/g)];
  const byPath = [...Map.groupBy(found, ([, , path]) => path!)];
  return new Map(byPath.map(([path, all]) => [path, all.map(([, method]) => method!).toSorted()]));
}

beforeAll(async () => {
  if (lacking(...NEEDS)) return;
  const lab = fileURLToPath(new URL("../../../lab/images/ollama", import.meta.url));
  const said = await run("sh", [
    "-c",
    'cd "$0" && go mod download -json github.com/ollama/ollama',
    lab,
  ]);
  routes = await routerOf((JSON.parse(said) as { Dir: string }).Dir);
  await run("docker", ["run", "--detach", "--name", NAME, ollamaImage()]);
  const format = "{{.NetworkSettings.IPAddress}}";
  const address = (await run("docker", ["inspect", "--format", format, NAME])).trim();
  node = `http://${address}:11434`;
  await until("Ollama", async () => (await ask(`${node}/api/version`)).status === 200, {
    seconds: 60,
  });
  balancer = await Balancer.start(nginxImage(), {
    nodes: [{ name: "a", managed: false, address }],
  });
  await until(
    "list of the whole mesh",
    async () => (await ask(`${balancer.url}/api/tags`)).headers["x-mesh-node"] === undefined,
    { seconds: 60 },
  );
}, 180_000);
beforeEach((context) => NEEDS.forEach((name) => need(context, name)));
afterAll(async () => {
  await balancer?.[Symbol.asyncDispose]();
  await run("docker", ["rm", "--force", "--volumes", NAME]).catch(() => undefined);
});

/** A path that the router takes for the one with a parameter in it. */
const asked = (path: string) =>
  path.replace(":digest", `sha256:${"0".repeat(64)}`).replace(/:\w+/, "none");

const status = async (base: string, path: string, method: string) => {
  const body = ["POST", "PUT", "PATCH", "DELETE"].includes(method) ? { body: "{}" } : {};
  return (await ask(`${base}${path}`, { method, ...body })).status;
};

test("its sources have the routes that everybody knows", () => {
  expect(routes.get("/api/chat")).toEqual(["POST"]);
  expect(routes.get("/api/tags")).toEqual(["GET", "HEAD"]);
  expect(routes.size).toBeGreaterThan(25);
});

test("what a node answers to each method of each route, the mesh does, or says that the route is one node's", async () => {
  const differ: unknown[] = [];
  for (const [path, own] of routes) {
    for (const method of METHODS) {
      const of = await status(balancer.url, asked(path), method);
      const expected = GONE.includes(path)
        ? 404
        : isManagementRoute(path)
          ? 403
          : await status(node, asked(path), method);
      if (of !== expected) differ.push([method, path, { expected, of }]);
      if (own.includes(method)) expect([method, path, expected]).not.toEqual([method, path, 405]);
    }
  }
  expect(differ).toEqual([]);
});

test("what is refused is a route of the node's own: it changes its models, or is about its account", () => {
  const refused = [...routes.keys()].filter(isManagementRoute);
  expect(refused.filter((path) => !ACCOUNT_ROUTES.some((route) => path.startsWith(route)))).toEqual(
    ["/api/pull", "/api/push", "/api/delete", "/api/create", "/api/blobs/:digest", "/api/copy"],
  );
});

test("a slash too many at the end leads to the same answer", async () => {
  for (const [path, own] of routes) {
    if (path === "/" || path.includes(":") || isManagementRoute(path) || GONE.includes(path))
      continue;
    for (const method of own) {
      const [exact, more] = [
        await status(balancer.url, path, method),
        await status(balancer.url, `${path}/`, method),
      ];
      expect([method, path, more]).toEqual([method, path, exact]);
    }
  }
});
