// Engines reached by tcp://: with the certificates of a folder of their own, or with a warning.
import { mkdtemp, mkdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { engineWarnings } from "../../../../components/hosts/engine-warnings.ts";
import { OllamaMesh } from "../../../../components/index.ts";
import { parseMesh } from "../../../../config/parse-mesh.ts";
import { explainUnreachable } from "../../../../steps/engine/unreachable.ts";
import { engineArgs, engineTls, tlsFolder } from "../../../../steps/engine/engine-tls.ts";
import { one, record } from "../../../support/mocks.ts";

const ENGINE = "tcp://rack1.lan:2376";
let settings: string;

beforeEach(async () => {
  settings = await mkdtemp(join(tmpdir(), "ollama-mesh-certs-"));
  vi.stubEnv("DOCKER_CONFIG", settings);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(settings, { recursive: true });
});

async function put(...files: string[]): Promise<string> {
  const folder = join(settings, "certs.d", "rack1.lan:2376");
  await mkdir(folder, { recursive: true });
  for (const file of files) await writeFile(join(folder, file), "");
  return folder;
}

const warnings = (nodes: object[], balancer: object = {}) =>
  engineWarnings(parseMesh({ nodes, balancer })).map(({ path, text }) => `${path}  ${text}`);

test("an engine with its three files is spoken to by TLS, and verified", async () => {
  const folder = await put("ca.pem", "cert.pem", "key.pem");
  expect(engineArgs(ENGINE)).toEqual([
    "--tlsverify",
    ...["--tlscacert", join(folder, "ca.pem")],
    ...["--tlscert", join(folder, "cert.pem"), "--tlskey", join(folder, "key.pem")],
    ...["-H", ENGINE],
  ]);
  expect(engineTls("tcp://rack2.lan:2376")).toBeUndefined();
});

test("no other kind of engine has such a folder", () => {
  expect(tlsFolder("ssh://ops@rack1.lan")).toBeUndefined();
  expect(engineArgs("ssh://ops@rack1.lan")).toEqual(["-H", "ssh://ops@rack1.lan"]);
});

test("the docker provider gets the folder and no key", async () => {
  const folder = await put("ca.pem", "cert.pem", "key.pem");
  const { resources } = await record(
    () => new OllamaMesh("lab", { nodes: [{ name: "a" }, { name: "far", host: ENGINE }] }),
  );
  const key = /^lab-rack1-lan-/;
  const provider = resources.find(
    ({ type, name }) => type === "pulumi:providers:docker" && key.test(name),
  )!;
  expect(provider.inputs).toMatchObject({ host: ENGINE, certPath: folder, keyMaterial: "" });
  expect(one(resources, "pulumi:providers:docker", "lab-local").inputs["certPath"]).toBe("");
});

test("one without all three is warned of, once, with the way out", async () => {
  const folder = await put("ca.pem", "cert.pem");
  const far = { name: "far", host: ENGINE };
  const text = `is ${ENGINE} without TLS: whoever reaches that port is root on the machine; use ssh://, or put ca.pem, cert.pem and key.pem into ${folder}`;
  const other = { ...far, name: "other", port: 11435 };
  expect(warnings([far, other])).toEqual([`nodes[0].host  ${text}`]);
  expect(warnings([far], { host: ENGINE })).toEqual([`balancer.host  ${text}`]);
  await put("key.pem");
  expect(warnings([far])).toEqual([]);
});

test.each(["tcp://127.0.0.1:2375", "tcp://localhost:2375", "ssh://ops@rack1.lan"])(
  "%s is not warned of",
  (host) => {
    expect(warnings([{ name: "far", host, address: "10.0.0.1" }])).toEqual([]);
  },
);

test.each([
  "Error response from daemon: Client sent an HTTP request to an HTTPS server.",
  'error during connect: Get "https://rack1.lan:2376/v1.41/version": tls: failed to verify certificate: x509: certificate signed by unknown authority',
  'error during connect: Get "https://rack1.lan:2376/v1.41/version": remote error: tls: certificate required',
])("%s: the way out is the folder", (said) => {
  expect(explainUnreachable(ENGINE, said)).toMatch(
    /^Docker engine tcp:\/\/rack1\.lan:2376: one side does not accept .* ~\/\.docker\/certs\.d must have/,
  );
});
