import { execFileSync } from "node:child_process";

import { beforeAll, expect, test } from "vitest";

import { ensureDockerEngine } from "../../lab/docker-engine.mjs";
import { ensureImages } from "../../lab/images.mjs";
import { run } from "../../toolchain/command.mjs";
import { uniqueName } from "../behaviour/harness/docker.ts";
import { ownStackName, removeDeadMeshes } from "../engine/support/leftovers.ts";

beforeAll(ensureDockerEngine);

test("what a killed run left goes with the next, whoever named it; what a living one has stays", async () => {
  const { nginx } = await ensureImages();
  const gone = execFileSync(process.execPath, ["--print", "process.pid"], { encoding: "utf8" });
  const ofDead = (name: string) => name.replace(`-${process.pid}-`, `-${gone.trim()}-`);
  const own = `ollama-mesh-${ownStackName()}`;
  const left = [`${ofDead(own)}-a`, `${ofDead(own)}_compose_1`, ofDead(uniqueName("nginx"))];
  const living = uniqueName("nginx");
  for (const name of [...left, living]) await run("docker", ["create", "--name", name, nginx]);
  try {
    await removeDeadMeshes();
    const names = (await run("docker", ["ps", "--all", "--format", "{{.Names}}"])).split("\n");
    expect([...left, living].filter((name) => names.includes(name))).toEqual([living]);
  } finally {
    await run("docker", ["rm", "--force", ...left, living]).catch(() => undefined);
  }
});
