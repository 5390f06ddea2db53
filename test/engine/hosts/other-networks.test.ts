// Servers of others on the balancer's machine: by a network that the balancer joins, by the machine itself; and the
// addresses that it listens at.
import { createServer, type Server } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";

import { afterAll, expect, test, vi } from "vitest";

import { run } from "../../../toolchain/command.mjs";
import { until } from "../../../toolchain/until.mjs";
import { bridgeAddress } from "../../behaviour/harness/docker.ts";
import { story } from "../../support/report/story.ts";
import { containers } from "../support/containers.ts";
import { atLab, model, nginxImage, ollamaImage } from "../support/lab.ts";
import { ownStackName } from "../support/leftovers.ts";
import { Stack } from "../support/stack.ts";

vi.setConfig({ testTimeout: 240_000 });
story();

const network = `ollama-mesh-${ownStackName()}_default`;
/** As compose names its containers, with an underscore. */
const own = network.replace("_default", "_ollama_1");
let stack: Stack | undefined;
let bridge = "";
let server: Server | undefined;
const lab = () => stack!;
const nodes = (more: object[] = []) => [{ name: "own", managed: false, address: own }, ...more];
const config = (balancer: object, more: object[] = []) => ({
  nodes: nodes(more),
  balancer: { image: nginxImage(), ...balancer },
});
const networksOf = async () => {
  const format = "{{range $name, $_ := .NetworkSettings.Networks}}{{$name}} {{end}}";
  const said = await run("docker", ["inspect", "--format", format, `${lab().mesh}-balancer`]);
  return said
    .trim()
    .split(" ")
    .map((name) => name.replace(lab().mesh, "M"))
    .toSorted();
};
const tags = async (url: string) => {
  const response = await fetch(`${url}/api/tags`);
  return (
    ((await response.json()) as { models?: { name: string }[] }).models?.map(({ name }) => name) ??
    []
  );
};

atLab(async () => {
  bridge = await bridgeAddress();
  await run("docker", ["network", "create", network]);
  await run("docker", ["run", "--detach", "--name", own, "--network", network, ollamaImage()]);
  server = createServer((request, response) => {
    const body =
      request.url === "/api/tags"
        ? { models: [{ name: "of-the-host:latest" }] }
        : request.url === "/api/ps"
          ? { models: [] }
          : { version: "1" };
    response.end(JSON.stringify(body));
  }).listen(0, bridge);
  await once(server, "listening");
  stack = await Stack.init(config({ networks: [network] }));
});
afterAll(async () => {
  await stack?.[Symbol.asyncDispose]();
  server?.close();
  await run("docker", ["rm", "--force", "--volumes", own]).catch(() => undefined);
  await run("docker", ["network", "rm", network]).catch(() => undefined);
});

test("a container of a network that the balancer joins is a node by its name", async () => {
  await lab().up();
  expect(await networksOf()).toEqual(["M-network", network]);
  await until("its models", async () => (await tags(lab().url)).includes(`${model()}:latest`), {
    seconds: 60,
  });
  const asked = ["run", "--rm", "--network", network, "--entrypoint", "curl", nginxImage(), "-fsS"];
  expect(await run("docker", [...asked, "http://ollama-mesh-balancer:8080/healthz"])).toBe("ok\n");
});

test("a second up has nothing to change, and a new nginx finds it too", async () => {
  expect((await lab().preview()).changes).toEqual([]);
  await lab().refresh();
});

test("several addresses answer at once; endpoint names the first", async () => {
  const addresses = ["127.0.0.1", bridge, "::1"];
  await lab().configure(config({ networks: [network], listen: { addresses } }));
  await lab().up();
  for (const at of ["127.0.0.1", bridge, "[::1]"]) {
    const answer = await fetch(`http://${at}:${lab().port}/healthz`);
    expect([at, await answer.text()]).toEqual([at, "ok\n"]);
  }
  expect((await lab().outputs())["endpoint"]).toBe(`http://127.0.0.1:${lab().port}`);
  expect((await lab().preview()).changes).toEqual([]);
  await lab().refresh();
});

test("host.docker.internal is the balancer's machine", async () => {
  const { port } = server!.address() as AddressInfo;
  const host = { name: "host", managed: false, address: "host.docker.internal", port };
  await lab().configure(config({ networks: [network] }, [host]));
  await lab().up();
  await until("its models", async () => (await tags(lab().url)).includes("of-the-host:latest"), {
    seconds: 60,
  });
  expect((await lab().preview()).changes).toEqual([]);
});

test("a network that is not there is named, and nothing is cut", async () => {
  const before = await containers(lab().mesh);
  await lab().configure(config({ networks: [network, "nobody-has-made-it"] }));
  const ran = await lab().tryUp();
  expect(ran.errors.join("\n")).toContain(
    "the balancer cannot join the network nobody-has-made-it on unix:",
  );
  expect(Object.keys(await containers(lab().mesh))).toEqual(Object.keys(before));
});

test("taken away, its node goes, and the balancer's place in it is for its owner to end", async () => {
  await lab().configure({
    nodes: [{ name: "other", managed: false, address: "192.0.2.1", maintenance: true }],
    balancer: { image: nginxImage() },
  });
  await lab().up();
  expect((await lab().preview()).changes).toEqual([]);
  await run("docker", ["network", "disconnect", network, `${lab().mesh}-balancer`]);
  expect(await networksOf()).toEqual(["M-network"]);
  expect(await (await fetch(`${lab().url}/healthz`)).text()).toBe("ok\n");
});
