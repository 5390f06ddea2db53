// What the guard beside a node passes on, as the balancer asks it: by its certificate alone.
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { GUARD_FILES, guardConf } from "../../../templates/guard-conf.ts";
import { CONFIG_FOLDER, GUARD_PORT, NGINX_USER } from "../../../templates/nginx-layout.ts";
import { until } from "../../../toolchain/until.mjs";
import { lacking } from "../../support/needs.ts";
import { makeAuthority, makeCertificate } from "../harness/certificate.ts";
import { bridgeAddress, docker, uniqueName } from "../harness/docker.ts";
import { ToyNode } from "../harness/toy-node.ts";

const why = lacking("OLLAMA_MESH_NGINX_IMAGE");
const image = process.env.OLLAMA_MESH_NGINX_IMAGE ?? "";

const NAME = "gpu.mesh.internal";
const KIB = 1024;
const CLIENT = ["--cert", "client.pem", "--key", "client.key"];

describe.skipIf(why)(`a guard${why ? ` (${why})` : ""}`, () => {
  const guard = uniqueName("guard");
  let folder = "";
  let node: ToyNode;

  beforeAll(async () => {
    node = await ToyNode.start({ name: "a", address: await bridgeAddress() });
    const { certificate: authority, good } = await makeAuthority(image, NAME);
    const client = await makeCertificate(image);
    folder = await mkdtemp(join(tmpdir(), "ollama-mesh-guard-"));
    await chmod(folder, 0o755);
    const service = { port: node.port, healthPath: "/", mounts: [], writable: false };
    for (const [name, text] of Object.entries({
      "nginx.conf": guardConf({ name: node.address, service }),
      [GUARD_FILES.certificate]: good.certificate,
      [GUARD_FILES.key]: good.key,
      [GUARD_FILES.client]: client.certificate,
      "client.key": client.key,
      "ca.pem": authority,
    })) {
      await writeFile(join(folder, name), `${text}\n`, { mode: 0o644 });
    }
    await docker(
      ...["run", "--detach", "--name", guard, "--user", NGINX_USER, "--cap-drop", "ALL"],
      ...["--read-only", "--tmpfs", "/tmp:mode=1777", "--volume", `${folder}:${CONFIG_FOLDER}:ro`],
      ...[image, "nginx", "-e", "stderr", "-c", `${CONFIG_FOLDER}/nginx.conf`],
      ...["-g", "daemon off;"],
    );
    await until(
      "guard that lets the balancer in",
      () =>
        asked([]).then(
          () => true,
          () => false,
        ),
      {
        seconds: 60,
      },
    );
  });
  afterAll(async () => {
    await docker("rm", "--force", guard).catch(() => undefined);
    await node?.die();
    await rm(folder, { recursive: true, force: true });
  });

  /** Asks it for a chat; status and the sizes of the headers that begin with x-large. */
  async function asked(words: readonly string[], identity = CLIENT) {
    const said = await docker(
      ...["exec", "--workdir", CONFIG_FOLDER, guard, "curl", "-sS", "--cacert", "ca.pem"],
      ...["--resolve", `${NAME}:${GUARD_PORT}:127.0.0.1`, "--max-time", "30", ...identity],
      ...["--dump-header", "-", "--output", "/dev/null", "--data", "{}", ...words],
      `https://${NAME}:${GUARD_PORT}/api/chat`,
    );
    const [first = "", ...lines] = said.split("\r\n");
    const large = lines.filter((line) => line.startsWith("x-large"));
    return [first.split(" ")[1], ...large.map((line) => line.split(": ")[1]!.length)];
  }

  test.each([
    ["the 64 KiB that pass the front", { "x-large": "v".repeat(62 * KIB) }, [62 * KIB]],
    [
      "more, so that the front says what is wrong",
      { "x-large-1": "v".repeat(60 * KIB), "x-large-2": "v".repeat(60 * KIB) },
      [60 * KIB, 60 * KIB],
    ],
  ])("takes answers with headers of %s", async (_, headers, sizes) => {
    node.answer = { kind: "ok", headers };
    expect(await asked([])).toEqual(["200", ...sizes]);
  });

  test("closes what it cannot pass on, as if the node had dropped it", async () => {
    node.answer = { kind: "ok", headers: { "x-large": "v".repeat(200 * KIB) } };
    await expect(asked([])).rejects.toThrow(/curl: \((52|56)\)/);
  });

  test("takes the requests that the front takes: lines of 32 KiB, and what that adds", async () => {
    node.answer = { kind: "ok" };
    node.forget();
    const cookie = "c".repeat(31 * KIB);
    expect(await asked(["--header", `Cookie: ${cookie}`])).toEqual(["200"]);
    expect(node.requests[0]!.headers.cookie).toBe(cookie);
  });

  test("lets nobody else in", async () => {
    node.forget();
    expect((await asked([], []))[0]).toBe("400");
    expect(node.count()).toBe(0);
  });
});
