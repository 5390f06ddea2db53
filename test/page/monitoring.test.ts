// What docs/monitoring gives to people with a Prometheus of their own, against a real one that scrapes a real mesh.
import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { parseYaml } from "../support/yaml.ts";
import { run } from "../../toolchain/command.mjs";
import { until } from "../../toolchain/until.mjs";
import { USAGE_FOLDER } from "../../templates/nginx-layout.ts";
import { clients } from "../router/harness/clients.ts";
import { RoutedMesh } from "../router/harness/routed-mesh.ts";
import { figure, inSeconds } from "../support/report/figure.ts";
import { lacking } from "../support/needs.ts";
import { Prometheus } from "./prometheus.ts";

const bin = process.env["OLLAMA_MESH_PROMETHEUS"] ?? "";
const why =
  lacking("OLLAMA_MESH_NGINX_IMAGE") ??
  (bin === "" ? "needs Prometheus; npm test -- --project page prepares it" : undefined);
const image = process.env.OLLAMA_MESH_NGINX_IMAGE ?? "";

const FOLDER = join(import.meta.dirname, "../../docs/monitoring");
const RULES = join(FOLDER, "alerts.yml");
const KEY = "test-key-of-anna-0001";
/** Scrapes for a rate, and what a busy machine adds. */
const DATA_SECONDS = 90;

interface Panel {
  title: string;
  targets: { expr: string }[];
}

describe.skipIf(why)(`docs/monitoring${why ? ` (${why})` : ""}`, () => {
  let mesh: RoutedMesh;
  let prometheus: Prometheus;
  let load: ReturnType<typeof clients>;
  beforeAll(async () => {
    mesh = await RoutedMesh.start(
      image,
      [
        { name: "a", models: ["m:latest"], everyMs: 20 },
        { name: "b", models: ["m:latest", "only-b:7b"], everyMs: 20 },
      ],
      {
        unknown: true,
        // What keys use is written there.
        docker: ["--tmpfs", `${USAGE_FOLDER}:mode=1777`],
        balancer: { access: { apiKeys: [{ name: "anna", key: KEY }] } },
        // What the steps keep of nodes, beside the config: one is in maintenance.
        files: { "mesh.json": JSON.stringify({ servers: { c: { line: "server c:1 down;" } } }) },
      },
    );
    const target = new URL(mesh.balancer.managementUrl).host;
    prometheus = await Prometheus.start(bin, target, RULES);
    const headers = { authorization: `Bearer ${KEY}` };
    // For the panel of what the balancer refuses; it knows so once every node was asked.
    await until("a refusal", async () => (await mesh.chat("nowhere", { headers })).status === 404, {
      seconds: DATA_SECONDS,
    });
    load = clients(mesh, 4, headers);
  });
  afterAll(async () => {
    await load?.stop();
    await prometheus?.[Symbol.asyncDispose]();
    await mesh?.[Symbol.asyncDispose]();
  });

  test("each panel's query has data", async () => {
    const { panels } = JSON.parse(await readFile(join(FOLDER, "dashboard.json"), "utf8")) as {
      panels: Panel[];
    };
    const queries = panels.flatMap(({ title, targets }) =>
      targets.map(({ expr }) => ({ title, expr: expr.replaceAll("$__rate_interval", "30s") })),
    );
    expect(queries.length).toBeGreaterThan(panels.length - 1);
    for (const { title, expr } of queries) {
      await until(
        `data of the panel "${title}": ${expr}`,
        async () => {
          const samples = await prometheus.query(expr);
          return samples.length > 0 && samples.every(({ value: [, text] }) => text !== "NaN");
        },
        { seconds: DATA_SECONDS },
      );
    }
  });

  test("what each rule looks at is there, and a mesh that is well raises no alert of its own", async () => {
    const { groups } = parseYaml(await readFile(RULES, "utf8")) as {
      groups: { rules: { alert: string; expr: string }[] }[];
    };
    const looked = groups.flatMap(({ rules }) =>
      rules.flatMap(({ alert, expr }) =>
        [...expr.matchAll(/\b(?:mesh|node)_\w+|\bup\b/g)].map(([name]) => [alert, name] as const),
      ),
    );
    expect(new Set(looked.map(([alert]) => alert)).size).toBe(13);
    for (const [alert, name] of looked) {
      // It takes TLS: `npm run live -- seen` has a certificate near its end.
      if (name === "mesh_certificate_end_seconds") continue;
      expect([alert, name, (await prometheus.query(name)).length > 0]).toEqual([alert, name, true]);
    }
    // This machine's disks may be low.
    const alerts = await prometheus.alerts();
    expect(alerts.filter((alert) => alert !== "OllamaMeshDiskLow")).toEqual([]);
  });

  test("a dead node and its model raise alerts within seconds, which fire after their time", async () => {
    const began = Date.now();
    await mesh.node("b").die();
    await until(
      "alerts",
      async () =>
        (await prometheus.alerts()).filter((alert) => alert !== "OllamaMeshDiskLow").join() ===
        "OllamaMeshModelWithoutNode,OllamaMeshNodeNotWell",
      { seconds: DATA_SECONDS },
    );
    figure("alerts are pending after", inSeconds((Date.now() - began) / 1000));
  });

  test("promtool takes the rules, and makes each alert fire", async () => {
    const promtool = join(bin, "promtool");
    await run(promtool, ["check", "rules", RULES]);
    await run(promtool, ["test", "rules", join(FOLDER, "alerts.test.yml")]);
    const names = (text: string, key: string) =>
      [
        ...new Set([...text.matchAll(new RegExp(`${key}: (\\S+)`, "g"))].map(([, name]) => name)),
      ].toSorted((a, b) => (a! < b! ? -1 : 1));
    const rules = names(await readFile(RULES, "utf8"), "- alert");
    expect(names(await readFile(join(FOLDER, "alerts.test.yml"), "utf8"), "alertname")).toEqual(
      rules,
    );
    const manual = await readFile(join(FOLDER, "../monitoring.md"), "utf8");
    expect(
      [...manual.matchAll(/^\| `(OllamaMesh\w+)`/gm)]
        .map(([, name]) => name!)
        .toSorted((a, b) => (a < b ? -1 : 1)),
    ).toEqual(rules);
  });

  test("promtool finds nothing to complain of in /metrics", async () => {
    const url = `${mesh.balancer.managementUrl}/metrics`;
    const said = await run("sh", [
      "-c",
      'curl -fsS "$0" | "$1" check metrics',
      url,
      join(bin, "promtool"),
    ]);
    expect(said).toBe("");
  });
});
