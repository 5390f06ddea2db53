// monitoring: {} on the real engine: from one up to a query that has data, and an alert that somebody is told of.
import { beforeAll, afterAll, expect, test, vi } from "vitest";

import { builtImage } from "../../../lab/images/docker-image.mjs";
import {
  ALERTMANAGER_IMAGE,
  PROMETHEUS_IMAGE,
} from "../../../lab/images/prometheus/prometheus-image.mjs";
import { SERVERS_IMAGE } from "../../../lab/images/servers/servers-image.mjs";
import { run } from "../../../toolchain/command.mjs";
import { until } from "../../../toolchain/until.mjs";
import { Webhook } from "../../page/webhook.ts";
import { lacking } from "../../support/needs.ts";
import { figure, inSeconds } from "../../support/report/figure.ts";
import { story } from "../../support/report/story.ts";
import { atLab, nginxImage } from "../support/lab.ts";
import { remains } from "../support/leftovers.ts";
import { freePort } from "../support/port.ts";
import { Stack } from "../support/stack.ts";

vi.setConfig({ testTimeout: 600_000 });

story();

/** Scrapes every ten seconds, an alert's minute, its group's wait, and what a busy machine adds. */
const WAIT = { seconds: 180 };

let stack: Stack;
let prometheusPort: number;
let upSeconds = 0;
let config: (over?: object) => Record<string, unknown>;
const images = { servers: "", prometheus: "", alertmanager: "" };

beforeAll(async () => {
  if (lacking("OLLAMA_MESH_NGINX_IMAGE")) return;
  images.servers = await builtImage(SERVERS_IMAGE);
  images.prometheus = await builtImage(PROMETHEUS_IMAGE);
  images.alertmanager = await builtImage(ALERTMANAGER_IMAGE);
}, 900_000);
atLab(async () => {
  prometheusPort = await freePort();
  const replica = (name: string) => ({
    name,
    image: images.servers,
    service: { port: 8000, environment: { SERVER_ID: name } },
  });
  config = (over = {}) => ({
    nodes: [replica("a"), replica("b")],
    balancer: {
      image: nginxImage(),
      routes: { set: "none", paths: [{ path: "/predict", methods: ["POST"] }] },
    },
    monitoring: {
      // Docker Hub, where Grafana's image is, cannot be had everywhere.
      grafana: false,
      prometheusPort,
      prometheusImage: images.prometheus,
      alertmanagerImage: images.alertmanager,
      ...over,
    },
  });
  stack = await Stack.init(config());
  const began = Date.now();
  await stack.up();
  upSeconds = (Date.now() - began) / 1000;
});
afterAll(() => stack?.[Symbol.asyncDispose]());

const asked = async (path: string): Promise<{ data: never }> =>
  (await (await fetch(`http://127.0.0.1:${prometheusPort}/api/v1/${path}`)).json()) as {
    data: never;
  };

const query = async (expression: string): Promise<{ metric: object; value: [number, string] }[]> =>
  (
    (await asked(`query?query=${encodeURIComponent(expression)}`)).data as {
      result: { metric: object; value: [number, string] }[];
    }
  ).result;

const container = async (name: string): Promise<Record<string, never>> =>
  (
    JSON.parse(await run("docker", ["container", "inspect", `${stack.mesh}.${name}`])) as Record<
      string,
      never
    >[]
  )[0]!;

test("one up: the balancer is scraped, the rules are loaded, a request is counted", async () => {
  figure("up of two nodes with a Prometheus", inSeconds(upSeconds));
  expect((await stack.outputs())["monitoring"]).toEqual({
    prometheusUrl: `http://127.0.0.1:${prometheusPort}`,
  });
  const response = await fetch(`${stack.url}/predict`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ x: 1 }),
  });
  expect(response.status).toBe(200);
  await until(
    "the request in Prometheus",
    async () => (await query('sum(mesh_requests_total{status="200"})'))[0]?.value[1] === "1",
    WAIT,
  );
  const up = await query("up");
  expect(up.map(({ metric, value }) => [metric, value[1]])).toEqual([
    [{ __name__: "up", job: "ollama-mesh", instance: "balancer" }, "1"],
  ]);
  const { groups } = (await asked("rules")).data as {
    groups: { rules: { name: string; health: string }[] }[];
  };
  const rules = groups.flatMap(({ rules }) => rules);
  expect(rules.length).toBe(13);
  await until(
    "rules that were looked at",
    async () =>
      ((await asked("rules")).data as { groups: { rules: { health: string }[] }[] }).groups
        .flatMap(({ rules }) => rules)
        .every(({ health }) => health === "ok"),
    WAIT,
  );
});

test("a second up, and a refresh, change nothing", async () => {
  expect((await stack.up()).changes).toEqual([]);
  await stack.refresh();
});

test("its container may do nothing but what it is there for", async () => {
  const { Config, HostConfig } = (await container("prometheus")) as unknown as {
    Config: { User: string };
    HostConfig: Record<string, unknown>;
  };
  expect(Config.User).toBe("65534:65534");
  expect(HostConfig).toMatchObject({
    CapDrop: ["ALL"],
    ReadonlyRootfs: true,
    SecurityOpt: ["no-new-privileges:true"],
    Memory: 1024 * 2 ** 20,
    LogConfig: { Type: "json-file", Config: { "max-file": "3", "max-size": "10m" } },
    PortBindings: { "9090/tcp": [{ HostIp: "127.0.0.1", HostPort: String(prometheusPort) }] },
  });
});

test("nobody else in the mesh network reads the counters", async () => {
  const { NetworkSettings } = (await container("prometheus")) as unknown as {
    NetworkSettings: { Networks: Record<string, { Gateway: string }> };
  };
  const [network] = Object.keys(NetworkSettings.Networks);
  const address = NetworkSettings.Networks[network!]!.Gateway.replace(/\.1$/, ".2");
  const status = await run("docker", [
    ...["run", "--rm", "--network", network!, "--entrypoint", "curl", nginxImage()],
    ...["-s", "-o", "/dev/null", "-w", "%{http_code}", `http://${address}:8084/metrics`],
  ]);
  expect(status).toBe("403");
});

test("a node that dies raises an alert, and the webhook is told; the history stays", async () => {
  const server = await Webhook.start();
  const told = () => JSON.stringify(server.told);
  try {
    await stack.configure(config({ webhook: `${server.url}secret-token-of-a-hook` }));
    await stack.up();
    expect((await query("max_over_time(mesh_requests_total[10m])")).length).toBeGreaterThan(0);

    const began = Date.now();
    await run("docker", ["kill", `${stack.mesh}-b`]);
    const seconds = () => inSeconds((Date.now() - began) / 1000);
    await until(
      "the alert",
      async () => (await query('ALERTS{alertname="OllamaMeshNodeNotWell",node="b"}')).length > 0,
      WAIT,
    );
    figure("a killed node is an alert that waits for its minute after", seconds());
    await until("the webhook", () => Promise.resolve(told().includes("NodeNotWell")), WAIT);
    figure("the webhook is told after", seconds());
    expect(told()).toContain('"node":"b"');
    for (const name of ["prometheus", "alertmanager"]) {
      expect(JSON.stringify(await container(name))).not.toContain("secret-token");
      expect(await run("docker", ["logs", `${stack.mesh}.${name}`])).not.toContain("secret-token");
    }
  } finally {
    await server[Symbol.asyncDispose]();
  }
});

test("without monitoring nothing of it is left but its history, which the next one goes on with", async () => {
  const { monitoring: _, ...without } = config();
  await run("docker", ["start", `${stack.mesh}-b`]);
  await stack.configure(without);
  await stack.up();
  const left = (await remains(stack.mesh)).filter((each) =>
    /prometheus|alertmanager|grafana/.test(each),
  );
  expect(left).toEqual([`volume ${stack.mesh}-prometheus`]);
  expect((await stack.outputs())["monitoring"]).toBeUndefined();

  await stack.configure(config());
  await stack.up();
  expect((await query("max_over_time(mesh_requests_total[30m])")).length).toBeGreaterThan(0);
  await stack.destroy();
  expect(await remains(stack.mesh)).toEqual([`volume ${stack.mesh}-prometheus`]);
});
