// monitoring: what is made of it, that nothing else changes by it, and that no secret is where it can be read.
import * as pulumi from "@pulumi/pulumi";
import { expect, test } from "vitest";

import { grafanaContainerArgs } from "../../../components/containers/monitoring-containers.ts";
import type { OllamaMeshArgs } from "../../../components/index.ts";
import { parseMesh } from "../../../config/parse-mesh.ts";
import { planMesh } from "../../../plan/mesh-plan.ts";
import { alertmanagerFiles } from "../../../templates/monitoring/alertmanager-files.ts";
import { grafanaFiles } from "../../../templates/monitoring/grafana-files.ts";
import { prometheusFiles } from "../../../templates/monitoring/prometheus-files.ts";
import { isSecret, one, stepInput } from "../../support/mocks.ts";
import {
  build,
  COMMAND,
  CONTAINER,
  named,
  THREE_NODES,
  VOLUME,
} from "../../support/recorded-mesh.ts";

const WATCHED: OllamaMeshArgs = { ...THREE_NODES, monitoring: {} };
const WEBHOOK = "https://alerts.example.org/hook?token=abc";
const HOSTS = [
  { host: "ssh://ops@rack1", address: "10.8.0.11" },
  { host: "ssh://ops@rack2", address: "10.8.0.12" },
];

const planOf = (args: object) => planMesh("lab", parseMesh(args, "lab"));

test("{} is a Prometheus and a Grafana, and nothing else of the mesh but its counters changes", async () => {
  const { resources: plain } = await build(THREE_NODES);
  const { resources } = await build(WATCHED);
  expect(named(resources).filter((each) => !named(plain).includes(each))).toEqual([
    "Command lab-monitoring-grafana-files",
    "Command lab-monitoring-images",
    "Command lab-monitoring-password",
    "Command lab-monitoring-prometheus-files",
    "Command lab.grafana-ports",
    "Command lab.prometheus-ports",
    "Container lab-monitoring-grafana",
    "Container lab-monitoring-prometheus",
    "Monitoring lab-monitoring",
    "Volume lab-monitoring-grafana",
    "Volume lab-monitoring-grafana-files",
    "Volume lab-monitoring-prometheus",
    "Volume lab-monitoring-prometheus-files",
  ]);
  const changed = plain.filter(({ type, name, inputs }) => {
    const now = one(resources, type, name).inputs;
    return JSON.stringify(now) !== JSON.stringify(inputs);
  });
  expect(named(changed)).toEqual(["Command lab-balancer-config"]);
});

test("without it there is no output either", async () => {
  const { result } = await build(THREE_NODES);
  expect(result.monitoring).toBeUndefined();
});

test("containers are hardened, and listen on the loopback", async () => {
  const { resources } = await build(WATCHED);
  const ports = { prometheus: 9090, grafana: 3000 };
  for (const [program, port] of Object.entries(ports)) {
    const { inputs, options } = one(resources, CONTAINER, `lab-monitoring-${program}`);
    expect(options.deleteBeforeReplace).toBe(true);
    expect(inputs).toMatchObject({
      name: `lab.${program}`,
      readOnly: true,
      capabilities: { drops: ["ALL"] },
      securityOpts: ["no-new-privileges:true"],
      logOpts: { "max-file": "3", "max-size": "10m" },
      ports: [{ ip: "127.0.0.1", external: port, internal: port }],
      networksAdvanced: [{ name: "lab-network" }],
      wait: true,
    });
    expect(inputs["memory"]).toBe(inputs["memorySwap"]);
  }
});

test("the history outlives the stack, and Grafana's own data does not", async () => {
  const { resources } = await build(WATCHED);
  const kept = (name: string) =>
    one(resources, VOLUME, `lab-monitoring-${name}`).options.retainOnDelete;
  expect([kept("prometheus"), kept("grafana"), kept("prometheus-files")]).toEqual([
    true,
    undefined,
    undefined,
  ]);
});

test("Grafana's password and the webhook's URL are secret, and in files only", async () => {
  const { resources } = await build({ ...WATCHED, monitoring: { webhook: WEBHOOK } });
  const files = one(resources, COMMAND, "lab-monitoring-alertmanager-files");
  expect(isSecret(files.inputs["stdin"])).toBe(true);
  expect(stepInput(files)["files"]).toEqual(alertmanagerFiles(WEBHOOK));
  // By default a second node that fails within five minutes of the first is told five minutes later.
  expect(JSON.parse(alertmanagerFiles(WEBHOOK)["alertmanager.yml"]!)).toMatchObject({
    route: { group_wait: "10s", group_interval: "30s" },
  });
  expect(isSecret(one(resources, COMMAND, "lab-monitoring-grafana-files").inputs["stdin"])).toBe(
    true,
  );
  for (const { type, inputs } of resources) {
    if (type === COMMAND) continue;
    expect(JSON.stringify(inputs)).not.toContain("token=abc");
  }
  const { monitoring } = planOf({ nodes: [{ name: "a" }], monitoring: {} });
  const grafana = grafanaContainerArgs("lab", monitoring![0]!, "files");
  expect(grafana.envs.filter((each) => each.includes("PASSWORD"))).toEqual([
    "GF_SECURITY_ADMIN_PASSWORD__FILE=/etc/ollama-mesh/admin-password",
  ]);
});

test("a webhook may be known later", async () => {
  const webhook = pulumi.output(WEBHOOK);
  const { resources } = await build({ ...WATCHED, monitoring: { webhook } });
  const files = stepInput(one(resources, COMMAND, "lab-monitoring-alertmanager-files"))["files"];
  expect(files).toEqual(alertmanagerFiles(WEBHOOK));
});

test("beside each of two balancers, which scrapes the other one where that can be reached", () => {
  const targets = (address: string) =>
    planOf({
      nodes: [{ name: "far", host: "ssh://ops@rack3" }],
      balancer: {
        hosts: HOSTS,
        listen: { address: "0.0.0.0" },
        management: { address, port: 11435 },
      },
      monitoring: {},
    }).monitoring!.map((each) => each.targets.map((target) => [target.address, target.port]));
  const own = planOf({ nodes: [{ name: "a" }] }).balancer.container;
  expect(targets("127.0.0.1")).toEqual([[[own, undefined]], [[own, undefined]]]);
  expect(targets("0.0.0.0")).toEqual([
    [
      [own, undefined],
      ["10.8.0.12", 11435],
    ],
    [
      ["10.8.0.11", 11435],
      [own, undefined],
    ],
  ]);
});

test("beside two balancers nothing has the name of another: each by its machine, and no place in the list", async () => {
  const built = (hosts: typeof HOSTS) =>
    build({
      nodes: [{ name: "far", host: "ssh://ops@rack3" }],
      balancer: { hosts, listen: { address: "0.0.0.0" } },
      monitoring: { webhook: WEBHOOK },
    });
  const { resources } = await built(HOSTS);
  const ports = named(resources).filter((each) => /(prometheus|grafana)-ports/.test(each));
  expect(ports.map((each) => each.replace(/-[0-9a-f]{6}$/, ""))).toEqual([
    "Command lab.grafana-ports-rack1",
    "Command lab.grafana-ports-rack2",
    "Command lab.prometheus-ports-rack1",
    "Command lab.prometheus-ports-rack2",
  ]);
  const swapped = await built(HOSTS.toReversed());
  expect(named(swapped.resources)).toEqual(named(resources));
});

test("a balancer that is declared switched off is scraped by no other: its alert would fire all the time", () => {
  const [one, off] = HOSTS;
  const { monitoring } = planOf({
    nodes: [{ name: "far", host: "ssh://ops@rack3" }],
    balancer: {
      hosts: [one, { ...off, offline: true }],
      listen: { address: "0.0.0.0" },
      management: { address: "0.0.0.0", port: 11435 },
    },
    monitoring: {},
  });
  expect(monitoring![0]!.targets.map(({ instance }) => instance)).toEqual([
    expect.stringMatching(/^rack1-/),
  ]);
});

test("dashboard, data source and alerts are those of docs/monitoring", () => {
  const plan = planOf({ nodes: [{ name: "a" }], monitoring: { webhook: WEBHOOK } }).monitoring![0]!;
  const prometheus = prometheusFiles(plan);
  expect(prometheus["alerts.yml"]).toContain("alert: OllamaMeshNodeNotWell");
  expect(JSON.parse(prometheus["prometheus.yml"]!)).toMatchObject({
    rule_files: ["alerts.yml"],
    scrape_configs: [
      {
        job_name: "ollama-mesh",
        static_configs: [
          {
            targets: [`${plan.balancer.container}:8084`],
            labels: { instance: "balancer" },
          },
        ],
      },
    ],
    alerting: {
      alertmanagers: [{ static_configs: [{ targets: [`${plan.alertmanager!.address}:9093`] }] }],
    },
  });
  const grafana = grafanaFiles(plan, "the password");
  expect(JSON.parse(grafana["dashboards/ollama-mesh.json"]!)).toMatchObject({ uid: "ollama-mesh" });
  expect(JSON.parse(grafana["provisioning/datasources/ollama-mesh.yml"]!)).toMatchObject({
    datasources: [{ url: `http://${plan.prometheus.address}:9090`, isDefault: true }],
  });
  expect(grafana["admin-password"]).toBe("the password");
});

test("what each of two balancers tells of all nodes is not added up in a panel", () => {
  const plan = planOf({ nodes: [{ name: "a" }], monitoring: {} }).monitoring![0]!;
  const { panels } = JSON.parse(grafanaFiles(plan, "")["dashboards/ollama-mesh.json"]!) as {
    panels: { title: string; targets: { expr: string; legendFormat: string }[] }[];
  };
  // But for requests in flight: each tells its own.
  const added = panels.flatMap(({ title, targets }) =>
    targets
      .filter(({ expr }) =>
        /\b(sum|count)\b(?! by \(instance\b).*mesh_(node|model)_(?!in_flight)\w+\{/.test(expr),
      )
      .filter(({ expr }) => !/_bucket\{|\bmax by \((node|model)\b/.test(expr))
      .map(() => title),
  );
  expect(added).toEqual([]);
  const numbers = panels.filter(({ targets }) => /\bby \(instance\)/.test(targets[0]!.expr));
  expect(numbers.map(({ targets }) => targets[0]!.legendFormat)).toEqual([
    "{{instance}}",
    "{{instance}}",
  ]);
});
