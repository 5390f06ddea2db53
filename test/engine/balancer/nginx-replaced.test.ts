// nginx is replaced, killed and restarted under clients that open a connection for each request.
import { expect, test, vi } from "vitest";

import { bridgeAddress } from "../../behaviour/harness/docker.ts";
import { run } from "../../../toolchain/command.mjs";
import { until } from "../../../toolchain/until.mjs";
import { nextRelease } from "../../live/derived-images.ts";
import { figure } from "../../support/report/figure.ts";
import { story } from "../../support/report/story.ts";
import { openConnections, type Connections } from "../support/connections.ts";
import { containers, type Incarnation } from "../support/containers.ts";
import { nginxImage, slowModel, stackOfFile } from "../support/lab.ts";
import { chat } from "../support/load.ts";
import { freePort } from "../support/port.ts";
import { rollConfig } from "../support/roll.ts";

vi.setConfig({ testTimeout: 900_000 });
story();

const lab = stackOfFile(() => config(), { up: true });

const config = (balancer: object = {}) => {
  const made = rollConfig();
  return { ...made, balancer: { ...(made["balancer"] as object), ...balancer } };
};
const nginxOf = async () => (await containers(lab().mesh))["balancer-nginx"]!;
const frontOf = async () => (await containers(lab().mesh))["balancer"]!;
const connections = (path = "/healthz") =>
  openConnections(`${lab().url}${path}`, { perSecond: 100 });

/** What clients saw while something was done. */
async function meanwhile(work: () => Promise<unknown>): Promise<Connections> {
  const clients = connections();
  try {
    await work();
  } finally {
    await clients.stop();
  }
  return clients.stop();
}

test("a no-op is none, with and without a refresh", async () => {
  expect((await lab().preview()).changes).toEqual([]);
  const refreshed = await lab().tryUp("--refresh");
  expect(refreshed.code, refreshed.output).toBe(0);
  expect(refreshed.changes).toEqual([]);
});

test("another image replaces nginx beside the one before: no connection is refused, no stream is cut", async () => {
  const [front, before] = [await frontOf(), await nginxOf()];
  const next = await nextRelease(nginxImage(), "nginx");
  const slow = await slowModel(lab().url);
  for (const image of [next, nginxImage(), next]) {
    await lab().configure(config({ image }));
    const asked = chat({ url: lab().url, model: slow, tokens: 300 });
    const seen = await meanwhile(async () => {
      const ran = await lab().up();
      expect(ran.changes).toEqual([
        `update ${lab().mesh}-balancer-image`,
        `update ${lab().mesh}-balancer-ports`,
        `update ${lab().mesh}-balancer-config`,
        `create-replacement ${lab().mesh}-balancer-nginx`,
        `delete-replaced ${lab().mesh}-balancer-serving`,
        `create-replacement ${lab().mesh}-balancer-serving`,
        `delete-replaced ${lab().mesh}-balancer-nginx`,
      ]);
    });
    expect(seen.failures).toEqual({});
    expect(seen.answered).toBeGreaterThan(200);
    expect((await asked).failure).toBeUndefined();
    expect((await nginxOf()).image).toBe(image);
  }
  expect(await frontOf()).toEqual(front);
  expect((await nginxOf()).id).not.toBe(before.id);
});

test("an image that does not come up leaves the one before serving, in this up and the next", async () => {
  const broken = await run("docker", ["build", "--quiet", "-"], {
    input: `FROM ${nginxImage()}\nENTRYPOINT ["false"]\n`,
    env: { ...process.env, DOCKER_BUILDKIT: "0" },
  });
  const good = (await nginxOf()).id;
  const seen = await meanwhile(async () => {
    await lab().configure(config({ image: broken.trim() }));
    for (const _ of ["this up", "the next"]) {
      const ran = await lab().tryUp();
      expect(ran.code, ran.output).not.toBe(0);
      expect(
        (await run("docker", ["inspect", "--format", "{{.State.Running}}", good])).trim(),
      ).toBe("true");
    }
    await lab().configure(config());
    await lab().up();
  });
  expect(seen.failures).toEqual({});
  const left = await run("docker", [
    "ps",
    "--all",
    "--format",
    "{{.Names}}",
    "--filter",
    `name=^${lab().mesh}-balancer`,
  ]);
  expect(left.trim().split("\n")).toHaveLength(2);
  expect((await lab().preview()).changes).toEqual([]);
});

const inFront = (script: string) =>
  run("docker", ["exec", `${lab().mesh}-balancer`, "sh", "-c", script]);
/** Kills the oldest process of nginx with this title. */
const killNginx = (title: string) =>
  inFront(`kill -9 $(grep -l '^nginx: ${title}' /proc/[0-9]*/cmdline | cut -d/ -f3 | head -n 1)`);
/** Waits until nginx runs that has been started since. */
const restarted = async ({ id, startedAt }: Incarnation) => {
  const again = async () => {
    const now = await nginxOf();
    if (now.startedAt === startedAt || !now.running) return false;
    return run("docker", ["exec", id, "test", "-S", "/tmp/mesh.sock"]).then(
      () => true,
      () => false,
    );
  };
  await until("nginx serves again", again, { seconds: 120 });
};

/** Requires that only what was in flight at a moment saw it: no connection was refused, none reset that came later. */
function onlyInFlight({ failures, lastReset }: Connections, moment: number): void {
  expect(Object.keys(failures).filter((each) => each !== "ECONNRESET")).toEqual([]);
  expect(lastReset).toBeLessThan(moment);
}

/** Requires that what was in flight at one moment is reset, and that nobody listens there any more. */
function onlyThenRefused({ failures, lastReset, firstRefused }: Connections): void {
  const { ECONNRESET: _, ...others } = failures;
  expect(Object.keys(others)).toEqual(["ECONNREFUSED"]);
  expect(lastReset).toBeLessThan(firstRefused);
}

test("nginx killed, its connections wait for the one that Docker starts", async () => {
  const before = await nginxOf();
  let [killed, again] = [0, 0];
  const seen = await meanwhile(async () => {
    await killNginx("master process");
    killed = performance.now();
    await restarted(before);
    again = performance.now();
  });
  // Its workers die a moment after it; who came later has waited, as long as none served.
  onlyInFlight(seen, (killed + again) / 2);
  expect(seen.slowest).toBeLessThan((again - killed) / 1000 + 5);
});

test("a worker killed, the other one and the next serve", async () => {
  const workers = () => inFront("grep -l '^nginx: worker process' /proc/[0-9]*/cmdline | sort");
  const before = await workers();
  let killed = 0;
  const seen = await meanwhile(async () => {
    await killNginx("worker process");
    killed = performance.now();
    const again = async () => {
      const now = await workers();
      return now !== before && now.split("\n").length === before.split("\n").length;
    };
    await until("a new worker", again, { seconds: 60 });
  });
  onlyInFlight(seen, killed);
});

test("restarted by hand, no connection is lost", async () => {
  const before = await nginxOf();
  const seen = await meanwhile(async () => {
    await run("docker", ["restart", before.id]);
    await restarted(before);
  });
  expect(seen.failures).toEqual({});
});

test("stopped by hand, the front serves by itself, and up starts it", async () => {
  const before = await nginxOf();
  const seen = await meanwhile(async () => {
    await run("docker", ["stop", before.id]);
    const alone = async () => (await lab().preview()).changes.length > 0;
    await until("the front's own nginx serves", alone, { seconds: 60 });
    expect((await lab().up()).changes).toEqual([`update ${lab().mesh}-balancer-serving`]);
  });
  expect(seen.failures).toEqual({});
  expect(await nginxOf()).toMatchObject({ id: before.id, running: true });
  expect((await lab().preview()).changes).toEqual([]);
});

test("removed by hand, the front serves by itself, and up --refresh makes another one", async () => {
  const { id } = await nginxOf();
  let removed = 0;
  const seen = await meanwhile(async () => {
    await run("docker", ["rm", "--force", id]);
    removed = performance.now();
    const ran = await lab().tryUp("--refresh");
    expect(ran.code, ran.output).toBe(0);
  });
  onlyInFlight(seen, removed);
  expect((await nginxOf()).id).not.toBe(id);
  expect((await lab().preview()).changes).toEqual([]);
});

test("another port: both serve, then the one before takes nothing new, and its streams finish", async () => {
  // At 127.0.0.1 Docker's proxy takes connections until the container is gone, and resets them.
  const address = await bridgeAddress();
  await lab().configure(config({ listen: { address } }));
  await lab().up();
  const url = `http://${address}:${lab().port}`;
  const slow = await slowModel(url);
  const clients = openConnections(`${url}/healthz`, { perSecond: 100 });
  const asked = chat({ url, model: slow, tokens: 300 });
  const port = await freePort();
  await lab().configure(config({ listen: { address, port } }));
  await lab().up();
  const seen = await clients.stop();
  figure("on the port before", `${seen.answered} answered, then ${JSON.stringify(seen.failures)}`);
  expect(seen.answered).toBeGreaterThan(100);
  onlyThenRefused(seen);
  expect((await asked).failure).toBeUndefined();
  expect((await fetch(`http://${address}:${port}/healthz`)).status).toBe(200);
  expect((await lab().preview()).changes).toEqual([]);
  await lab().configure(config());
  await lab().up();
});

test("another address to listen on, and one port more, for which all are refused for a moment", async () => {
  const declared = { listen: { address: "127.0.0.2", port: lab().port } };
  const before = await frontOf();
  const old = connections();
  await lab().configure(config(declared));
  await lab().up();
  const seen = await old.stop();
  // Docker's proxy takes what comes to a loopback address for as long as the container is there.
  expect(Object.keys(seen.failures).every((each) => /ECONNRE(FUSED|SET)/.test(each))).toBe(true);
  expect((await frontOf()).id).not.toBe(before.id);
  expect((await fetch(`http://127.0.0.2:${lab().port}/healthz`)).status).toBe(200);
  expect((await lab().preview()).changes).toEqual([]);
  const other = openConnections(`http://127.0.0.2:${lab().port}/healthz`, { perSecond: 100 });
  await lab().configure(config({ ...declared, management: { port: await freePort() } }));
  await lab().up();
  const { failures, failedFor } = await other.stop();
  expect(Object.keys(failures).every((each) => /ECONNRE(FUSED|SET)/.test(each))).toBe(true);
  // Less than a second on a machine that has time for it.
  expect(failedFor).toBeLessThan(5);
});
