// Each setting of a container declared, changed and taken away: Docker has what is declared, and afterwards what it
// has of a container that never had it.
import { afterAll, beforeAll, expect, test, vi } from "vitest";

import { builtImage } from "../../../lab/images/docker-image.mjs";
import { SERVERS_IMAGE } from "../../../lab/images/servers/servers-image.mjs";
import { run } from "../../../toolchain/command.mjs";
import { lacking } from "../../support/needs.ts";
import { story } from "../../support/report/story.ts";
import { atLab, nginxImage } from "../support/lab.ts";
import { Stack } from "../support/stack.ts";

vi.setConfig({ testTimeout: 600_000 });

story();

const COMMAND = ["python3", "-m", "uvicorn", "server:app", "--host", "0.0.0.0", "--port", "8000"];

type Over = Record<string, unknown>;
const service = (over: Over) => ({ service: over });

/** By the name of a node: how its one setting is declared, declared otherwise, and what Docker then has. */
const SETTINGS: Record<string, { is: Over; changed: Over; has: [object, object] }> = {
  memory: {
    is: { memoryMib: 512 },
    changed: { memoryMib: 384 },
    has: [512, 384].map((mib) => ({ Memory: mib * 2 ** 20, MemorySwap: mib * 2 ** 20 })) as never,
  },
  cpus: { is: { cpus: 1 }, changed: { cpus: 0.5 }, has: [{ NanoCpus: 1e9 }, { NanoCpus: 5e8 }] },
  command: {
    is: service({ command: [...COMMAND, "--workers", "1"] }),
    changed: service({ command: [...COMMAND, "--timeout-keep-alive", "9"] }),
    has: [
      { Cmd: [...COMMAND, "--workers", "1"] },
      { Cmd: [...COMMAND, "--timeout-keep-alive", "9"] },
    ],
  },
  user: {
    is: service({ user: "1000:1000" }),
    changed: service({ user: "1001" }),
    has: [{ User: "1000:1000" }, { User: "1001" }],
  },
  shm: {
    is: service({ sharedMemoryMib: 128 }),
    changed: service({ sharedMemoryMib: 256 }),
    has: [{ ShmSize: 128 * 2 ** 20 }, { ShmSize: 256 * 2 ** 20 }],
  },
  ipc: {
    is: service({ ipc: "host" }),
    changed: service({ ipc: "private" }),
    has: [{ IpcMode: "host" }, { IpcMode: "private" }],
  },
  writable: {
    is: service({ writable: true }),
    changed: service({ writable: true, mounts: [{ source: "/tmp", path: "/a" }] }),
    has: [{ ReadonlyRootfs: false }, { ReadonlyRootfs: false, Binds: ["/tmp:/a:rw"] }],
  },
  mounts: {
    is: service({ mounts: [{ source: "/tmp", path: "/a" }] }),
    changed: service({ mounts: [{ source: "/tmp", path: "/b", readOnly: true }] }),
    has: [{ Binds: ["/tmp:/a:rw"] }, { Binds: ["/tmp:/b:ro"] }],
  },
  environment: {
    is: service({ environment: { ONE: "1" } }),
    changed: service({ environment: { ONE: "2" } }),
    has: [
      { Env: expect.arrayContaining(["ONE=1"]) as unknown },
      { Env: expect.arrayContaining(["ONE=2"]) as unknown },
    ],
  },
};

let image = "";
let stack: Stack;

const config = (over: (name: string) => Over) => ({
  nodes: ["plain", ...Object.keys(SETTINGS)].map((name) => {
    const { service: own, ...node } = over(name) as { service?: object };
    return { name, image, ...node, service: { port: 8000, ...own } };
  }),
  balancer: {
    image: nginxImage(),
    routes: { set: "none", paths: [{ path: "/predict", methods: ["POST"] }] },
  },
  rollout: { maxUnavailable: Object.keys(SETTINGS).length, drainTimeoutSeconds: 1 },
});

beforeAll(async () => {
  if (!lacking("OLLAMA_MESH_NGINX_IMAGE")) image = await builtImage(SERVERS_IMAGE);
}, 900_000);
atLab(async () => {
  stack = await Stack.init(config((name) => SETTINGS[name]?.is ?? {}));
  await stack.up();
});
afterAll(() => stack?.[Symbol.asyncDispose]());

/** What Docker has of a node's container, but for what tells one container from another. */
async function inspected(name: string): Promise<Over> {
  const text = await run("docker", ["container", "inspect", `${stack.mesh}-${name}`]);
  const [{ Config, HostConfig }] = JSON.parse(text) as [{ Config: Over; HostConfig: Over }];
  const { Hostname: _, Labels: __, ...container } = Config;
  return { ...HostConfig, ...container };
}

test("declared, Docker has them", async () => {
  for (const [name, { has }] of Object.entries(SETTINGS)) {
    expect(await inspected(name), name).toMatchObject(has[0]);
  }
  expect((await stack.preview()).changes).toEqual([]);
});

test("changed, Docker has them changed", async () => {
  await stack.configure(config((name) => SETTINGS[name]?.changed ?? {}));
  await stack.up();
  for (const [name, { has }] of Object.entries(SETTINGS)) {
    expect(await inspected(name), name).toMatchObject(has[1]);
  }
  expect((await stack.preview()).changes).toEqual([]);
});

test("taken away, each container is as one that never had them, and no refresh finds a change", async () => {
  await stack.configure(config(() => ({})));
  await stack.up();
  const plain = await inspected("plain");
  for (const name of Object.keys(SETTINGS)) expect(await inspected(name), name).toEqual(plain);
  expect((await stack.preview()).changes).toEqual([]);
  await stack.refresh();
});
