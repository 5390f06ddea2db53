// What somebody changed by hand behind the mesh's back: a preview shows it, and up repairs it.
import { expect, test, vi } from "vitest";

import { run } from "../../../toolchain/command.mjs";
import { until } from "../../../toolchain/until.mjs";
import { containers, serverLines } from "../support/containers.ts";
import { model, nginxImage, stackOfFile } from "../support/lab.ts";
import { failures, load, served } from "../support/load.ts";
import { requireServing, rollConfig } from "../support/roll.ts";

vi.setConfig({ testTimeout: 240_000 });

const lab = stackOfFile(rollConfig, { up: true });

/** Runs a script in the config volume, as somebody with Docker on the balancer's host could. */
const inVolume = (script: string) =>
  run("docker", [
    ...["run", "--rm", "--network", "none", "--volume", `${lab().mesh}-config:/v`],
    ...["--workdir", "/v", "--entrypoint", "sh", nginxImage(), "-c", script],
  ]);
const reload = () => run("docker", ["kill", "--signal", "HUP", `${lab().mesh}-balancer`]);

/** Requires that a preview names these resources, that up touches just those, and that all is well then. */
async function repaired(...names: string[]): Promise<void> {
  const changes = names.map((name) => `update ${lab().mesh}-${name}`);
  expect((await lab().preview()).changes.toSorted()).toEqual(changes);
  expect((await lab().up()).changes.toSorted()).toEqual(changes);
  expect((await lab().preview()).changes).toEqual([]);
  await requireServing(lab(), "a", "b", "c");
}

test("nothing changed by hand, nothing to do", async () => {
  expect((await lab().preview()).changes).toEqual([]);
});

test("an nginx.conf that was edited and loaded is as declared again", async () => {
  await inVolume("sed -i '/^ *server 10.*weight=2/d' current/nginx.conf");
  await reload();
  await repaired("balancer-config");
});

test("a second edit of the same kind is found, too", async () => {
  await inVolume("sed -i '/^ *server 10.*weight=2/d' current/nginx.conf");
  await repaired("balancer-config");
});

test("a node taken out of mesh.json comes back", async () => {
  const before = await containers(lab().mesh);
  const mesh = JSON.parse(await inVolume("cat mesh.json")) as { servers: Record<string, unknown> };
  const { b: _, ...servers } = mesh.servers;
  await inVolume(`cat > mesh.json <<'END'\n${JSON.stringify({ ...mesh, servers })}\nEND`);
  expect(Object.keys(await serverLines(lab().mesh)).sort()).toEqual(["a", "c"]);
  await repaired("b-admission", "balancer-config");
  expect(await containers(lab().mesh)).toEqual(before);
});

test("a config volume that was emptied is filled again", async () => {
  await inVolume("rm -rf -- *");
  await repaired("a-admission", "b-admission", "balancer-config", "c-admission");
});

test("a container that was stopped is shown by a refresh, and up --refresh brings it back into traffic", async () => {
  const { c: _, ...others } = await containers(lab().mesh);
  await run("docker", ["stop", "--time", "1", `${lab().mesh}-c`]);
  const ran = await lab().tryUp("--refresh");
  expect(ran.code, ran.output).toBe(0);
  expect(ran.changes).toEqual([`update ${lab().mesh}-c`]);
  expect(await containers(lab().mesh)).toMatchObject(others);
  expect(Object.keys(await serverLines(lab().mesh)).sort()).toEqual(["a", "b", "c"]);
  // Its model was on disk only, so it would be asked no sooner than the others are busy for longer than a load.
  await run("docker", ["exec", `${lab().mesh}-c`, "ollama", "run", model(), "n=1"]);
  const answers = async () => {
    const outcomes = await load({ ...lab(), model: model(), tokens: 128, atATime: 24, total: 48 });
    expect(failures(outcomes)).toEqual([]);
    return "c" in served(outcomes);
  };
  await until("c answers", answers, { seconds: 60 });
  await requireServing(lab(), "a", "b", "c");
});
