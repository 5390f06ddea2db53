// A Docker engine that is reached by TCP and TLS, with a certificate, and not by ssh.
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, expect, test } from "vitest";

import { run } from "../../toolchain/command.mjs";
import { model, nginxImage } from "../engine/support/lab.ts";
import { chat } from "../engine/support/load.ts";
import type { Stack } from "../engine/support/stack.ts";
import { figure, inSeconds } from "../support/report/figure.ts";
import { story } from "../support/report/story.ts";
import { lanOfFile, type TestLan } from "./support/lan.ts";

const PORT = 2376;

story();

let stack: Stack;
/** The docker command's settings, with the certificates. */
let settings: string;
let endpoint: string;
const lan: () => TestLan = lanOfFile(2, async (made) => {
  settings = await mkdtemp(join(tmpdir(), "ollama-mesh-docker-config-"));
  made.lan.env["DOCKER_CONFIG"] = settings;
  stack = await made.stack({ nodes: [] });
  endpoint = await serveTls(made, 2);
});
afterAll(async () => {
  await stack?.[Symbol.asyncDispose]();
  if (settings) await rm(settings, { recursive: true });
}, 60_000);
beforeAll(async () => {
  if (!stack) return;
  const { address } = lan().host(2);
  await stack.configure(
    lan().config({
      nodes: [
        { name: "a", host: endpoint, address },
        { name: "b", host: lan().host(1).endpoint },
      ],
    }),
  );
});

const SIGN = `set -e; cd /tmp
make() { openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 "$@" 2> /dev/null; }
make -subj /CN=authority -keyout ca.key -out ca.pem
leaf() { make -CA ca.pem -CAkey ca.key -subj "/CN=$1" -addext "subjectAltName=IP:$0" -addext basicConstraints=critical,CA:FALSE -addext "extendedKeyUsage=$1Auth" -keyout "$1.key" -out "$1.pem"; }
leaf server; leaf client
cat ca.pem server.pem server.key client.pem client.key`;

/** Gives a machine's engine a second listener, which demands a certificate; the client's is put where it is looked for. */
async function serveTls(made: TestLan, n: number): Promise<string> {
  const { address, container } = made.host(n);
  const out = await run("docker", [
    ...[
      "run",
      "--rm",
      "--network",
      "none",
      "--entrypoint",
      "sh",
      nginxImage(),
      "-c",
      SIGN,
      address,
    ],
  ]);
  const parts = [...out.matchAll(/-----BEGIN ([A-Z ]+)-----[\s\S]+?-----END \1-----\n/g)];
  const [ca = "", server = "", serverKey = "", client = "", clientKey = ""] = parts.map(
    ([part]) => part,
  );
  const folder = join(settings, "certs.d", `${address}:${PORT}`);
  await mkdir(folder, { recursive: true });
  const files = { "ca.pem": ca, "cert.pem": client, "key.pem": clientKey };
  for (const [name, text] of Object.entries(files)) {
    await writeFile(join(folder, name), text, { mode: 0o600 });
  }
  // The engine itself, and not a proxy before it: it is restarted with another set of arguments.
  const there = { "ca.pem": ca, "server.pem": server, "server.key": serverKey };
  for (const [name, text] of Object.entries(there)) {
    const write = `mkdir -p /etc/docker/tls && echo ${Buffer.from(text).toString("base64")} | base64 -d > /etc/docker/tls/${name}`;
    await run("docker", ["exec", container, "sh", "-c", write]);
  }
  const tls = ["tlscacert=ca.pem", "tlscert=server.pem", "tlskey=server.key"];
  const args = `--tlsverify ${tls.map((each) => `--${each.replace("=", "=/etc/docker/tls/")}`).join(" ")} -H tcp://0.0.0.0:${PORT}`;
  const wrap = `mv /usr/sbin/dockerd /usr/sbin/dockerd.real && printf '#!/bin/sh\\nexec dockerd.real "$@" %s\\n' '${args}' > /usr/sbin/dockerd && chmod 755 /usr/sbin/dockerd && engine restart`;
  await run("docker", ["exec", container, "sh", "-c", wrap]);
  return `tcp://${address}:${PORT}`;
}

test("a mesh comes up over it, answers, and a second up changes nothing", async () => {
  const ran = await stack.up();
  figure("fresh up", inSeconds(ran.seconds));
  expect(ran.output).not.toContain("without TLS");
  expect(await chat({ url: lan().url, model: model() })).toMatchObject({ status: 200 });
  expect((await stack.up()).changes).toEqual([]);
});

test("without the certificate nothing is reached, and the message says what is missing", async () => {
  const folder = join(settings, "certs.d", endpoint.replace("tcp://", ""));
  await run("mv", [folder, `${folder}.away`]);
  await stack.configure(
    lan().config({
      nodes: [
        { name: "a", host: endpoint, address: lan().host(2).address, memoryMib: 2048 },
        { name: "b", host: lan().host(1).endpoint },
      ],
    }),
  );
  const ran = await stack.tryUp();
  await run("mv", [`${folder}.away`, folder]);
  expect(ran.code).not.toBe(0);
  expect(ran.output).toContain("is root on the machine; use ssh://, or put ca.pem");
  expect(ran.output).toContain(`Docker engine ${endpoint}: one side does not accept`);
  expect((await stack.tryUp()).code).toBe(0);
});

test("no key is in the state", async () => {
  const state = stack.env["PULUMI_BACKEND_URL"]!.replace("file://", "");
  const found = await run("sh", ["-c", `grep -rl 'PRIVATE KEY' ${state} || echo none`]);
  expect(found.trim()).toBe("none");
});

test("destroy leaves the models and nothing else", async () => {
  await stack.destroy();
  expect(await lan().remains(2, stack.mesh)).toEqual(["volume models"]);
});
