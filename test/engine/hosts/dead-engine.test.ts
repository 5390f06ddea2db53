// Commands that go by the state alone, and run no program, where an engine in it is dead.
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";

import { run } from "../../../toolchain/command.mjs";
import { until } from "../../../toolchain/until.mjs";
import { lacking, need } from "../../support/needs.ts";
import { story } from "../../support/report/story.ts";
import { containers, serverLines } from "../support/containers.ts";
import { labConfig, model, nginxImage, ollamaImage } from "../support/lab.ts";
import { requireServing } from "../support/roll.ts";
import { NEEDS_OF_MESH, SpareEngine } from "../support/spare-engine.ts";
import { Stack } from "../support/stack.ts";
import { ownSubnet } from "../support/subnet.ts";

vi.setConfig({ testTimeout: 240_000 });
story();

let engine: SpareEngine | undefined;
let stack: Stack | undefined;
let address = "";
let tcp = "";

/** Node a here; b and c on the other machine, by its socket and over TCP. */
function config({ away = {}, only }: { away?: object; only?: string }) {
  const nodes = [
    { name: "a" },
    { name: "b", host: engine!.endpoint, port: 11_436, address, ...away },
    { name: "c", host: tcp, port: 11_435, address, models: [], ...away },
  ];
  return labConfig({
    nodes: nodes.filter(({ name }) => only === undefined || name === only),
    balancer: { subnet: ownSubnet() }, // declared, for the other machine joins it
    rollout: { readyTimeoutSeconds: 60, drainTimeoutSeconds: 5 },
  });
}

const lab = () => stack!;
const here = (names: string[]) => names.map((name) => name.replace(lab().mesh, "M")).toSorted();
const SHOW = { method: "POST", body: JSON.stringify({ model: model() }) };
/** Of all that Pulumi has of the dead engine, what is asked of it: nodes by name, volumes by their host. */
const ON_IT = ["**::*-b", "**::*-c", "**Volume::*-socket-*", "**Volume::*-172-*"];
const WITHOUT = ON_IT.flatMap((pattern) => ["--exclude", pattern]);

beforeAll(async () => {
  if (lacking(...NEEDS_OF_MESH)) return;
  engine = await SpareEngine.start({
    image: process.env["OLLAMA_MESH_HOST_IMAGE"]!,
    images: [ollamaImage(), nginxImage()],
    docker: ["--env", "ENGINE_ARGS=-H unix:///spare/docker.sock -H tcp://0.0.0.0:2375 --tls=false"],
  });
  const format = "{{.NetworkSettings.IPAddress}}";
  tcp = `tcp://${(await run("docker", ["inspect", "--format", format, engine.name])).trim()}:2375`;
  stack = await Stack.init(config({ only: "a" }));
  await stack.up();
  address = await engine.joinNetworkOf(stack.mesh);
  await stack.configure(config({}));
  await stack.up();
  await run("docker", ["kill", engine.name]);
}, 300_000);
beforeEach((context) => NEEDS_OF_MESH.forEach((name) => need(context, name)));
afterAll(async () => {
  await engine?.[Symbol.asyncDispose]();
  await stack?.[Symbol.asyncDispose]();
});

/** Its nodes, and the volumes with their models. */
const isOnIt = (name: string) => /^M-(b|c|(socket|172).*-models)$/.test(name);

test.each(["refresh", "up"])(
  "%s that reads a dead engine fails for what is on it, and for nothing else",
  async (command) => {
    const ran = await lab().change(command, command === "up" ? ["--refresh"] : []);
    expect(ran.code).not.toBe(0);
    expect(here(ran.failed)).toHaveLength(4);
    expect(here(ran.failed).filter((name) => !isOnIt(name))).toEqual([]);
    expect(ran.changes).toEqual([]);
    await requireServing(lab(), "a");
  },
);

test("without what is on it, refresh and up do what they can", async () => {
  const refreshed = await lab().change("refresh", ["--expect-no-changes", ...WITHOUT]);
  expect({ code: refreshed.code, failed: refreshed.failed }).toEqual({ code: 0, failed: [] });
  await run("docker", ["stop", "-t", "0", `${lab().mesh}-a`]);
  const ran = await lab().change("up", ["--refresh", ...WITHOUT]);
  expect({ code: ran.code, output: ran.output }).toMatchObject({ code: 0 });
  expect((await containers(lab().mesh))["a"]).toMatchObject({ running: true });
  // The balancer has to notice that it is back.
  await until("an answer of a", async () => (await fetch(`${lab().url}/api/show`, SHOW)).ok, {
    seconds: 60,
  });
});

test("destroy stops before what is on a dead engine, and says what to declare", async () => {
  const ran = await lab().change("destroy");
  expect(ran.code).not.toBe(0);
  const said = ran.errors.join("\n");
  expect(said).toMatch(
    /Docker engine (unix|tcp):\S+: (no engine answers there|the host does not answer); /,
  );
  expect(said).toMatch(/- \{ name: [bc], host: "(unix|tcp):\S+", offline: true, \.\.\. \}/);
  expect(ran.changes.filter((change) => /^delete .*-(b|c)$/.test(change))).toEqual([]);
});

test("declared offline, destroy takes all but what is on it, which stays there", async () => {
  await lab().configure(config({ away: { offline: true } }));
  await lab().up();
  expect(Object.keys(await serverLines(lab().mesh))).toEqual(["a"]);
  // It could not be switched on again without that network.
  await run("docker", ["network", "disconnect", "--force", `${lab().mesh}-network`, engine!.name]);
  const ran = await lab().destroy();
  expect(here(ran.changes)).toContain("delete M-b");
  expect(await containers(lab().mesh)).toEqual({});
  await run("docker", ["start", engine!.name]);
  await until("answer of its engine", () => engine!.docker("version"), { seconds: 120 });
  const names = await engine!.docker("ps", "--all", "--format", "{{.Names}}");
  expect(here(names.trim().split("\n"))).toEqual(["M-b", "M-c"]);
});
