// Whom nginx sees where Docker stands between, with docker-proxy and without, on each kind of address: the client, or nobody.
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { run } from "../../../toolchain/command.mjs";
import { until } from "../../../toolchain/until.mjs";
import type { AccessArgs } from "../../../config/balancer-args.ts";
import { CONFIG_FILE, CONFIG_FOLDER, NGINX_USER } from "../../../templates/nginx-layout.ts";
import { render } from "../../behaviour/harness/balancer.ts";
import { bridgeAddress } from "../../behaviour/harness/docker.ts";
import { lacking, need } from "../../support/needs.ts";
import { SpareEngine } from "../support/spare-engine.ts";

const NEEDS = ["OLLAMA_MESH_HOST_IMAGE", "OLLAMA_MESH_NGINX_IMAGE"] as const;
const image = process.env["OLLAMA_MESH_NGINX_IMAGE"] ?? "";
const SUBNET = "10.221.16.0/24";
const GATEWAY = "10.221.16.1";
const PORT = 11_434;

describe.each([
  ["with docker-proxy", true],
  ["without docker-proxy", false],
])("%s", { timeout: 240_000 }, (_, proxied) => {
  let engine: SpareEngine;
  /** Of the machine with the engine, and of this one, which is another of its LAN. */
  let machine: string;
  let neighbour: string;

  beforeAll(async () => {
    if (lacking(...NEEDS)) return;
    engine = await SpareEngine.start({
      image: process.env["OLLAMA_MESH_HOST_IMAGE"]!,
      images: [image],
      docker: [
        ...["--env", `ENGINE_ARGS=-H unix:///spare/docker.sock --userland-proxy=${proxied}`],
        ...["--sysctl", "net.ipv6.conf.all.disable_ipv6=0"],
      ],
    });
    const format = "{{.NetworkSettings.IPAddress}}";
    machine = (await run("docker", ["inspect", "--format", format, engine.name])).trim();
    neighbour = await bridgeAddress();
    await engine.docker("network", "create", "--subnet", SUBNET, "mesh");
  }, 300_000);
  beforeEach((context) => NEEDS.forEach((name) => need(context, name)));
  afterAll(() => engine?.[Symbol.asyncDispose]());

  /** Serves as the mesh does: the front has the ports, nginx joins it. */
  const serve = async (address: string, access: AccessArgs = {}) => {
    // Refused at once, so that all who are let in get 503. An address that swallows packets, as 192.0.2.1 does on some
    // machines only, is 504 until the probe has noticed.
    const nodes = [{ name: "gone", managed: false, address: GATEWAY, port: 9 }];
    const balancer = { listen: { address }, access, subnet: SUBNET };
    const { conf, hash, secrets } = render({ nodes, balancer });
    const folder = join("versions", hash + address.replaceAll(/\W/g, "-"));
    for (const [name, text] of Object.entries({ ...secrets, "nginx.conf": conf })) {
      const file = join(engine.folder, folder, name);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, text, { mode: 0o644 });
    }
    await engine.docker("rm", "--force", "nginx", "front").catch(() => undefined);
    const published = `${address.includes(":") ? `[${address}]` : address}:${PORT}:8080`;
    await engine.docker(
      ...["run", "--detach", "--name", "front", "--network", "none", "--publish", published],
      ...["--entrypoint", "sleep", image, "infinity"],
    );
    await engine.docker("network", "disconnect", "none", "front");
    await engine.docker("network", "connect", "mesh", "front");
    await engine.exec("chmod", "-R", "a+rX", "/spare");
    await engine.exec("ln", "-sfn", folder, "/spare/current");
    await engine.docker(
      ...["run", "--detach", "--name", "nginx", "--network", "container:front"],
      ...[
        "--user",
        NGINX_USER,
        "--tmpfs",
        "/tmp:mode=1777",
        "--volume",
        `/spare:${CONFIG_FOLDER}:ro`,
      ],
      ...[image, "nginx", "-e", "stderr", "-c", CONFIG_FILE, "-g", "daemon off;"],
    );
    await until(
      "nginx that serves",
      () => engine.docker("exec", "nginx", "curl", "-fsS", "http://127.0.0.1:8081/config-hash"),
      { seconds: 60 },
    );
  };
  const question = (at: string, id: string) => [
    ...["-s", "-m", "30", "-o", "/dev/null", "-w", "%{http_code}", "-H", `X-Request-ID: ${id}`],
    `http://${at}:${PORT}/api/version`,
  ];
  const seen = async (id: string) => {
    const line = await until(
      `line of ${id} in the log`,
      async () =>
        (await engine.docker("logs", "nginx")).split("\n").find((each) => each.includes(id)),
      { seconds: 30 },
    );
    return (JSON.parse(line) as { client: string }).client;
  };
  /** Status and the client in the log, asked by the machine itself, and by another one. */
  const itself = async (at: string, id: string) => {
    const args = ["run", "--rm", "--network", "host", "--entrypoint", "curl", image];
    const status = await engine.docker(...args, ...question(at, id));
    return [status, await seen(id)];
  };
  const another = async (id: string) => {
    const status = await run("curl", question(machine, id));
    return [status, await seen(id)];
  };

  test("on 127.0.0.1 it is the machine itself", async () => {
    await serve("127.0.0.1", { allow: ["127.0.0.1", "192.168.0.0/16"] });
    expect(await itself("127.0.0.1", "asked-loopback")).toEqual(["503", "127.0.0.1"]);
  });

  test("on 0.0.0.0 it is the machine itself, or another by its address", async () => {
    await serve("0.0.0.0", { allow: ["127.0.0.1"] });
    expect(await itself("127.0.0.1", "asked-own-loopback")).toEqual(["503", "127.0.0.1"]);
    expect(await another("asked-refused")).toEqual(["403", neighbour]);
    await serve("0.0.0.0", { allow: [neighbour], deny: ["127.0.0.1"] });
    expect(await itself("127.0.0.1", "asked-denied")).toEqual(["403", "127.0.0.1"]);
    expect(await another("asked-allowed")).toEqual(["503", neighbour]);
  });

  test(`on :: ${proxied ? "nobody can know, and the log says nobody" : "nobody gets in"}`, async () => {
    await serve("::");
    const asked = itself("[::1]", "asked-six");
    if (proxied) expect(await asked).toEqual(["503", ""]);
    else await expect(asked).rejects.toThrow("ended with code 7");
  });
});
