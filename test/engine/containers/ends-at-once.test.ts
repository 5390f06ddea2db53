// Containers that do not stay up: the ready gate says so in one sentence, with exit code and last log lines.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";

import { ready } from "../../../steps/nodes/ready.ts";
import { StepError } from "../../../steps/step-error.ts";
import { run } from "../../../toolchain/command.mjs";
import { need } from "../../support/needs.ts";
import { nginxImage } from "../support/lab.ts";
import { ownStackName } from "../support/leftovers.ts";

const NAME = `mesh-${ownStackName()}`;
const ENGINE = "unix:///var/run/docker.sock";
const place = { endpoint: ENGINE, container: "none", volume: "none", network: "none" };

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "mesh-ends-"));
  await writeFile(join(folder, "program"), "\u007fELF of another machine", { mode: 0o755 });
});
beforeEach((context) => need(context, "OLLAMA_MESH_NGINX_IMAGE"));
afterAll(async () => {
  await run("docker", ["rm", "--force", NAME]).catch(() => undefined);
  await rm(folder, { recursive: true, force: true });
});

/** What the ready gate says of a container made by such arguments of docker. */
async function said(args: string[], { maintenance = false } = {}): Promise<unknown> {
  await run("docker", ["rm", "--force", NAME]).catch(() => undefined);
  const always = ["--detach", "--restart", "unless-stopped", "--name", NAME];
  await run("docker", ["run", ...always, ...args]).catch(() => undefined);
  return ready({
    balancer: place,
    endpoint: ENGINE,
    container: NAME,
    node: "a",
    address: "192.0.2.1",
    port: 1,
    models: [],
    timeoutSeconds: 60,
    warmUp: false,
    maintenance,
    pids: 64,
    healthPath: "/health",
  }).catch((error: unknown) => error);
}

const shell = (...words: string[]) => ["--entrypoint", "sh", nginxImage(), "-c", ...words];

const DIED = `node a is not ready and gets no traffic: container ${NAME} died`;

test.each<[string, () => string[], RegExp, string]>([
  [
    "ends by itself",
    () => shell("echo all done"),
    / died \d+ times \(exit code 0: a server must not end, nor run in the background\); mend what its last lines name and run pulumi up again/,
    "all done",
  ],
  [
    "ends with an error",
    () => shell("echo no such folder >&2; exit 3"),
    / died \d+ times \(exit code 3\); /,
    "no such folder",
  ],
  [
    "gets a wrong flag",
    () => [nginxImage(), "nginx", "--wrong"],
    / died \d+ times \(exit code 1\); /,
    'invalid option: "-"',
  ],
  [
    "has too little memory",
    () => [
      ...["--memory", "32m", "--memory-swap", "32m"],
      ...shell("echo much; exec tail /dev/zero"),
    ],
    / died \d+ times \(exit code 137, out of memory: raise memoryMib, or ask for less\); /,
    "much",
  ],
  [
    "is of another architecture",
    () => [
      ...["--volume", `${folder}/program:/program:ro`, "--entrypoint", "/program"],
      nginxImage(),
    ],
    / died \d+ times \(exit code \d+\); /,
    "exec format error",
  ],
])("one that %s", async (_, args, sentence, log) => {
  const error = await said(args());
  expect(error).toBeInstanceOf(StepError);
  const { message } = error as StepError;
  expect(message.startsWith(DIED), message).toBe(true);
  expect(message).toMatch(sentence);
  expect(message).toContain(`last lines of container ${NAME}:`);
  expect(message).toContain(log);
});

test.each([
  ["a device that is not there", ["--device", "/dev/kfd-of-nobody"], "/dev/kfd-of-nobody"],
  ["a program that is not there", ["--entrypoint", "/nowhere"], "/nowhere"],
  ["a mount that cannot be", ["--volume", "/etc/hostname:/etc/nginx:ro"], "/etc/nginx"],
])("one that Docker could not start: %s", async (_, args, named) => {
  const error = await said([...args, nginxImage()]);
  expect(error).toBeInstanceOf(StepError);
  const { message } = error as StepError;
  expect(message).toContain(`gets no traffic: container ${NAME} is created (exit code 12`);
  expect(message.split(" and not started again")[0]).toContain(named);
  expect(message).toContain(" and not started again; mend what its last lines name");
});

test("one in maintenance does not keep an up from ending", async () => {
  expect(await said(shell("exit 1"), { maintenance: true })).toEqual({
    ready: "a is in maintenance",
  });
});
