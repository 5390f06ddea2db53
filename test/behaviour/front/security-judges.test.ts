import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";

import { FRONT_PORT } from "../../../templates/nginx-layout.ts";
import { judges } from "../../judges/judges.ts";
import { lacking } from "../../support/needs.ts";
import { render } from "../harness/balancer.ts";
import { makeCertificate } from "../harness/certificate.ts";
import { ToyMesh } from "../harness/mesh.ts";

const installed = await judges();
const why = lacking("OLLAMA_MESH_NGINX_IMAGE") ?? (typeof installed === "string" ? installed : "");
const image = process.env.OLLAMA_MESH_NGINX_IMAGE ?? "";
const ask = (module: string, ...args: string[]) =>
  typeof installed === "string"
    ? Promise.reject(new Error(installed))
    : installed.ask(module, ...args);

const nodes = [
  { name: "a", managed: false, address: "10.0.0.1" },
  { name: "b", managed: false, address: "10.0.0.2", port: 8000 },
];
const access = {
  apiKeys: [{ name: "k", key: "judged-0123456789abcdef" }],
  allow: ["10.0.0.0/8"],
  deny: ["10.9.0.0/16"],
  trustedProxies: ["172.17.0.1"],
  corsOrigins: ["https://chat.example.org"],
  limits: { requestsPerMinute: 60, concurrent: 4 },
};
/** Where the listener for the person who runs the mesh passes a path on. */
const MANAGEMENT = "/$mesh_own_path;";
const files = { certificateFile: "/srv/tls/full.pem", keyFile: "/srv/tls/key.pem" };
const CONFIGS: Record<string, unknown> = {
  "the smallest": { nodes: nodes.slice(0, 1) },
  "everything at once": {
    nodes,
    balancer: {
      listen: { address: "0.0.0.0" },
      tls: { ...files, redirectPort: 8080, hstsSeconds: 31_536_000 },
      access,
      management: { port: 11435 },
    },
  },
  "other model servers": {
    nodes,
    balancer: {
      routes: { set: "all", paths: [{ path: "/files/" }, { path: "/predict" }], upgrade: true },
      access: { corsOrigins: ["*"] },
      sticky: { cookie: "mesh" },
    },
  },
};

describe.skipIf(why)(`external judges${why ? ` (${why})` : ""}`, { timeout: 180_000 }, () => {
  describe.each(Object.entries(CONFIGS))("of %s", (_what, config) => {
    const inFile = async <T>(use: (file: string) => Promise<T>) => {
      const folder = await temporaryFolder();
      const { conf, secrets } = render(config);
      for (const [name, content] of Object.entries({ ...secrets, "nginx.conf": conf })) {
        await writeFile(join(folder, name), content);
      }
      return use(join(folder, "nginx.conf"));
    };

    test("gixy finds nothing of medium severity or above", async () => {
      const said = await inFile(async (file) => {
        const report = `${file}.json`;
        await ask("gixy", "--format", "json", "-l", "-l", "-o", report, file);
        return readFile(report, "utf8");
      });
      const found = JSON.parse(said) as { plugin: string }[];
      const { conf } = render(config);
      // It takes any path behind the host for one that nginx decodes; with a variable nginx passes it as it is, which
      // management.test.ts holds.
      const onManagement = conf.includes(MANAGEMENT) ? ["proxy_pass_normalized"] : [];
      expect(found.map(({ plugin }) => plugin)).toEqual(onManagement);
    });

    test("crossplane reads it without an error", async () => {
      const said = await inFile((file) => ask("crossplane", "parse", file));
      const { status, errors } = JSON.parse(said) as { status: string; errors: unknown[] };
      expect({ status, errors }).toEqual({ status: "ok", errors: [] });
    });
  });

  test("sslyze holds the TLS front against Mozilla's intermediate profile and finds no weakness", async () => {
    const made = await makeCertificate(image);
    await using mesh = await ToyMesh.start(image, ["a"], { tls: made });
    const report = join(await temporaryFolder(), "report.json");
    const said = await ask(
      "sslyze",
      ...[`--json_out=${report}`, "--mozilla_config=intermediate", "--early_data", "--resum"],
      `127.0.0.1:${mesh.balancer.port(FRONT_PORT)}`,
    );
    const findings = said.slice(said.indexOf("COMPLIANCE")).matchAll(/^ +\* (.*)$/gm);
    expect([...findings].map(([, finding]) => finding)).toEqual([
      // It is the test's own, that nobody has signed.
      "certificate_path_validation: Certificate path validation failed for CN=mesh.example.org.",
      // Strong ones; to name all others would leave out what OpenSSL adds against quantum computers.
      expect.stringMatching(/^tls_curves: TLS curves \{('X448'|'secp521r1'|, )+\} are supported/),
    ]);
    const { server_scan_results: results } = JSON.parse(await readFile(report, "utf8")) as Report;
    const { tls_1_3_early_data: early, session_resumption: resumption } = results[0].scan_result;
    expect(early.result).toMatchObject({ supports_early_data: false });
    expect(resumption.result).toMatchObject({ tls_ticket_resumption_result: "NOT_SUPPORTED" });
  });
});

/** The part of sslyze's report that is looked at. */
interface Report {
  server_scan_results: [
    { scan_result: Record<"tls_1_3_early_data" | "session_resumption", { result: unknown }> },
  ];
}

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "ollama-mesh-judged-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  return folder;
}
