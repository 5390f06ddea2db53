import { execFile } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { ensureDockerEngine } from "../../lab/docker-engine.mjs";
import { ensureImages } from "../../lab/images.mjs";
import { builtImage } from "../../lab/images/docker-image.mjs";
import { HOST_IMAGE } from "../../lab/images/host/host-image.mjs";
import { lanDown, lanUp } from "../../lab/lan/machines.mjs";
import { run } from "../../toolchain/command.mjs";
import { until } from "../../toolchain/until.mjs";
import { ownStackName, removeDeadMeshes } from "../engine/support/leftovers.ts";

const COMMAND = join(import.meta.dirname, "../../lab/hosts.mjs");
// Names by which a later run finds what a dead one left.
const name = `hosts-${ownStackName()}`;
const other = `${name}-other`;
const folder = join(tmpdir(), name, "a folder");

const docker = (...args: string[]) => run("docker", args).then((out) => out.trim());
const ids = (lan: string) =>
  docker(
    "ps",
    "--all",
    "--quiet",
    "--no-trunc",
    "--filter",
    `label=ollama-mesh-lab.lan=${lan}`,
  ).then((out) => out.split("\n").filter(Boolean).sort());

let image: string;
let nginx: string;
let lan: Awaited<ReturnType<typeof lanUp>>;
const up = (count: number) => lanUp({ name, folder, count, image, images: [nginx] });
/** Runs a program that knows the machines. */
const there = (program: string, ...args: string[]) =>
  run(program, args, { env: lan.env }).then((out) => out.trim());

beforeAll(async () => {
  await ensureDockerEngine();
  await removeDeadMeshes();
  ({ nginx } = await ensureImages());
  image = await builtImage(HOST_IMAGE);
  lan = await up(3);
}, 900_000);

afterAll(async () => {
  await lanDown({ name, folder });
  await lanDown({ name: other, folder: join(folder, "other") });
  rmSync(join(tmpdir(), name), { recursive: true, force: true });
});

test("each machine has its own engine with the images, reached over ssh as a user of group docker", async () => {
  const engines = await Promise.all(
    lan.hosts.map(({ endpoint }) => there("docker", "-H", endpoint, "info", "--format", "{{.ID}}")),
  );
  expect(new Set(engines).size).toBe(3);
  expect(lan.hosts.map(({ endpoint }) => endpoint)).toEqual([
    "ssh://ops@lan1",
    "ssh://ops@lan2",
    "ssh://admin@lan3:2222",
  ]);
  for (const host of lan.hosts) {
    expect(await there("docker", "-H", `ssh://${host.name}`, "images", "--quiet", nginx)).not.toBe(
      "",
    );
    expect(await there("ssh", host.name, "id", "-un")).toBe(host.user);
    expect(await there("ssh", host.address, "id", "-Gn")).toMatch(/^\w+ docker$/);
  }
});

test("a machine runs containers, and what they publish is reached at its address", async () => {
  const { endpoint, address } = lan.hosts[1]!;
  await there("docker", "-H", endpoint, "run", "-d", "-p", "8080:80", "--name", "web", nginx);
  // It runs before it listens.
  const response = await until("its answer", () => fetch(`http://${address}:8080/`), {
    seconds: 60,
  });
  await there("docker", "-H", endpoint, "rm", "--force", "web");
  expect(response.headers.get("server")).toMatch(/^nginx/);
});

test("a machine that shows another host key than it has is refused", async () => {
  const file = join(folder, "known_hosts");
  const before = readFileSync(file, "utf8");
  const keys = before.trim().split("\n");
  const strange = keys[0]!.replace(/\S+$/, keys[1]!.split(" ").at(-1)!);
  writeFileSync(file, `${strange}\n`);
  await expect(there("ssh", "lan1", "true")).rejects.toThrow(
    "REMOTE HOST IDENTIFICATION HAS CHANGED",
  );
  writeFileSync(file, before);
  expect(await there("ssh", "lan1", "echo", "trusted")).toBe("trusted");
});

describe("up again", () => {
  test("keeps the machines that are as they should be", async () => {
    const before = await ids(name);
    expect(await up(3)).toEqual(lan);
    expect(await ids(name)).toEqual(before);
  });

  test(
    "mends a machine that is off, is unplugged, has no engine or no sshd",
    { timeout: 120_000 },
    async () => {
      const [first, second, third] = lan.hosts.map(({ container }) => container) as [
        string,
        string,
        string,
      ];
      await docker("kill", first);
      await docker("exec", third, "engine", "off");
      const before = await ids(name);
      await up(3);
      await docker("network", "disconnect", lan.network, first);
      await docker("exec", second, "pkill", "-x", "sshd");
      await up(3);
      expect(await ids(name)).toEqual(before);
      for (const { endpoint } of lan.hosts) {
        expect(await there("docker", "-H", endpoint, "images", "--quiet", nginx)).not.toBe("");
      }
    },
  );

  test(
    "with another number removes and adds machines, and keeps the others",
    { timeout: 120_000 },
    async () => {
      const before = await ids(name);
      await up(2);
      expect(before).toEqual(expect.arrayContaining(await ids(name)));
      expect(await ids(name)).toHaveLength(2);
      await expect(there("ssh", "lan3", "true")).rejects.toThrow("lan3");
      lan = await up(3);
      expect(await ids(name)).toHaveLength(3);
    },
  );
});

test("down removes its own machines and nothing of another LAN", { timeout: 120_000 }, async () => {
  await lanUp({ name: other, folder: join(folder, "other"), count: 1, image });
  expect(await lanDown({ name: other, folder: join(folder, "other") })).toBe(1);
  expect(await ids(other)).toEqual([]);
  expect(await docker("network", "ls", "--quiet", "--filter", `name=^${other}$`)).toBe("");
  expect(await ids(name)).toHaveLength(3);
  expect(await lanDown({ name: other, folder: join(folder, "other") })).toBe(0);
});

test("the command explains itself and refuses what makes no sense", async () => {
  const refused = (...args: string[]) =>
    promisify(execFile)(process.execPath, [COMMAND, ...args]).then(
      () => "",
      ({ stderr }: { stderr: string }) => stderr.trim(),
    );
  const { stdout } = await promisify(execFile)(process.execPath, [COMMAND, "--help"]);
  expect(stdout).toMatch(/^node lab\/hosts\.mjs up N \| down/);
  expect(await refused("up", "0")).toBe(
    'must be "up N", 1-200, or "down", got "up 0"; --help says more',
  );
  expect(await refused("down", "all")).toMatch(/^must be "up N"/);
  expect(await refused("up", "1", "--name", "My Lan")).toBe(
    '--name must be lower-case letters, digits and "-", got My Lan',
  );
});
