// HTTPS from files on the balancer's host, which something else renews.
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test, vi } from "vitest";

import { run } from "../../../toolchain/command.mjs";
import { until } from "../../../toolchain/until.mjs";
import { makeAuthority, type TestAuthority } from "../../behaviour/harness/certificate.ts";
import { story } from "../../support/report/story.ts";
import { labConfig, nginxImage, stackOfFile } from "../support/lab.ts";
import { freePort } from "../support/port.ts";

vi.setConfig({ testTimeout: 240_000 });

const NAME = "mesh.example.org";
let folder: string;
let redirectPort: number;

story();

const lab = stackOfFile(() => labConfig(), { up: false });
afterAll(async () => folder && rm(folder, { recursive: true }));

function config(over: object = {}) {
  const tls = {
    certificateFile: join(folder, "fullchain.pem"),
    keyFile: join(folder, "privkey.pem"),
    redirectPort,
  };
  return labConfig({ nodes: [{ name: "a" }], balancer: { tls, ...over } });
}

/** Puts certificate and key where nginx's user may read them, as whatever renews them does. */
async function place({ good }: TestAuthority): Promise<void> {
  await writeFile(join(folder, "fullchain.pem"), good.certificate);
  await writeFile(join(folder, "privkey.pem"), good.key);
  await run("chgrp", ["101", join(folder, "privkey.pem")]);
  await chmod(join(folder, "privkey.pem"), 0o640);
}

/** Status of a GET whose certificate is verified, or why it was not good. */
const status = (ca: string) =>
  new Promise<unknown>((resolve) => {
    const host = "127.0.0.1";
    const options = { host, port: lab().port, path: "/api/tags", ca, servername: NAME };
    const sent = request({ ...options, agent: false, headers: { host: NAME } }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    });
    sent.on("error", (error: NodeJS.ErrnoException) => resolve(error.code));
    sent.end();
  });

test("a mesh comes up with them, verified clients are served, and a renewed pair is taken over by HUP", async () => {
  folder = await mkdtemp(join(tmpdir(), "ollama-mesh-tls-files-"));
  await chmod(folder, 0o755);
  redirectPort = await freePort();
  const first = await makeAuthority(nginxImage(), NAME);
  await place(first);
  await lab().configure(config());
  await lab().up();
  expect(await lab().outputs()).toMatchObject({ endpoint: `https://127.0.0.1:${lab().port}` });
  expect(await status(first.certificate)).toBe(200);

  const plain = await fetch(`http://127.0.0.1:${redirectPort}/api/tags`, { redirect: "manual" });
  expect([plain.status, plain.headers.get("location")]).toEqual([
    308,
    `https://127.0.0.1:${lab().port}/api/tags`,
  ]);

  const second = await makeAuthority(nginxImage(), NAME);
  expect(await status(second.certificate)).not.toBe(200);
  await place(second);
  await run("docker", ["kill", "--signal", "HUP", `${lab().mesh}-balancer`]);
  await until("the new certificate", async () => (await status(second.certificate)) === 200, {
    seconds: 60,
  });
  expect((await lab().preview()).changes).toEqual([]);
});

test("files that are not there stop the change before the balancer is touched, in nginx's words", async () => {
  await run("mv", [join(folder, "privkey.pem"), join(folder, "elsewhere.pem")]);
  await lab().configure(config({ maxBodyMib: 65 }));
  const { code, errors, output } = await lab().tryUp();
  expect(code, output).not.toBe(0);
  expect(errors.join("\n")).toMatch(/cannot load certificate key "\/etc\/nginx\/tls\/privkey.pem"/);
  await run("mv", [join(folder, "elsewhere.pem"), join(folder, "privkey.pem")]);
  await lab().up();
});
