// A host that is switched off: left alone while it is declared so, named when it is not.
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";

import { run } from "../../../toolchain/command.mjs";
import { until } from "../../../toolchain/until.mjs";
import { figure, inSeconds } from "../../support/report/figure.ts";
import { lacking, need } from "../../support/needs.ts";
import { story } from "../../support/report/story.ts";
import { containers, serverLines } from "../support/containers.ts";
import { labConfig, nginxImage, ollamaImage } from "../support/lab.ts";
import { requireServing } from "../support/roll.ts";
import { NEEDS_OF_MESH, SpareEngine } from "../support/spare-engine.ts";
import { Stack } from "../support/stack.ts";
import { ownSubnet } from "../support/subnet.ts";

vi.setConfig({ testTimeout: 240_000 });
story();

let engine: SpareEngine | undefined;
let stack: Stack | undefined;
let address = "";

interface Wish {
  roll: string;
  weight?: number;
  offline?: boolean;
  without?: string[];
}

/** Node a here; b and c on the other machine. */
function config({ roll, weight = 1, offline, without = [] }: Wish) {
  const there = { host: engine!.endpoint, port: 11_436, address, ...(offline ? { offline } : {}) };
  const nodes = [
    { name: "a", weight },
    { name: "b", ...there },
    { name: "c", ...there, port: 11_435 },
  ];
  return labConfig({
    nodes: nodes.filter(({ name }) => !without.includes(name)),
    ollama: { environment: { ROLL: roll } },
    balancer: { subnet: ownSubnet() }, // declared, for the other machine joins it
    rollout: { readyTimeoutSeconds: 60, drainTimeoutSeconds: 5 },
  });
}

const lab = () => stack!;
const up = async (wish: Wish) => {
  await lab().configure(config(wish));
  return lab().up();
};
const here = (names: string[]) => names.map((name) => name.replace(lab().mesh, "M"));
const rollOf = (name: string) =>
  engine!
    .docker("inspect", "--format", "{{json .Config.Env}}", `${lab().mesh}-${name}`)
    .then((text) => /"ROLL=(\w+)"/.exec(text)?.[1]);

beforeAll(async () => {
  if (lacking(...NEEDS_OF_MESH)) return;
  engine = await SpareEngine.start({
    image: process.env["OLLAMA_MESH_HOST_IMAGE"]!,
    images: [ollamaImage(), nginxImage()],
  });
  stack = await Stack.init(config({ roll: "1", without: ["b", "c"] }));
  await stack.up();
  address = await engine.joinNetworkOf(stack.mesh);
  await up({ roll: "1" });
}, 300_000);
beforeEach((context) => NEEDS_OF_MESH.forEach((name) => need(context, name)));
afterAll(async () => {
  await engine?.[Symbol.asyncDispose]();
  await stack?.[Symbol.asyncDispose]();
});

test("an up that meets a dead host says so before anything is changed, and what to declare", async () => {
  await requireServing(lab(), "a", "b", "c");
  await run("docker", ["kill", engine!.name]);
  const before = await containers(lab().mesh);
  const lines = await serverLines(lab().mesh);
  await lab().configure(config({ roll: "2" }));
  const refused = await lab().tryUp();
  expect(refused.code).not.toBe(0);
  expect(refused.failed.map((name) => name.replace(/.*-(\w+)$/, "$1"))).toEqual(["hosts"]);
  expect(refused.output).toContain("- { name: b, offline: true, ... }");
  expect(refused.output).toContain("- { name: c, offline: true, ... }");
  // Linux tries to connect for two minutes.
  expect(refused.seconds).toBeLessThan(60);
  figure("refused after", inSeconds(refused.seconds));
  expect(await containers(lab().mesh)).toEqual(before);
  expect(await serverLines(lab().mesh)).toEqual(lines);
  await requireServing(lab(), "a");
});

test("a dead host stops neither a preview nor an up that changes nothing there", async () => {
  await lab().configure(config({ roll: "1", weight: 2 }));
  const previewed = await lab().preview();
  const others = (changes: string[]) => here(changes).filter((change) => !/M-socket-/.test(change));
  expect(others(previewed.changes)).toEqual(["update M-a-admission"]);
  expect(previewed.output).toContain(`Docker engine ${engine!.endpoint}: no engine answers there;`);
  expect(others((await lab().up()).changes)).toEqual(["update M-a-admission"]);
  expect((await lab().preview()).changes).toEqual([]);
});

test("declared offline it is left alone: its lines are out, the others change, a preview names just that", async () => {
  await lab().configure(config({ roll: "2", offline: true }));
  const previewed = here((await lab().preview()).changes).filter((change) =>
    /M-[bc]-/.test(change),
  );
  const ran = await lab().up();
  const touched = here(ran.changes).filter((change) => /M-[bc]-/.test(change));
  expect(touched.toSorted()).toEqual([
    "update M-b-admission",
    "update M-b-turn",
    "update M-c-admission",
    "update M-c-turn",
  ]);
  expect(previewed.toSorted()).toEqual(touched.toSorted());
  expect(Object.keys(await serverLines(lab().mesh))).toEqual(["a"]);
  expect((await containers(lab().mesh))["a"]!.environment).toContain("ROLL=2");
  expect((await lab().preview()).changes).toEqual([]);
  await requireServing(lab(), "a");
  expect((await lab().outputs())["nodes"]).toMatchObject([
    { state: "active" },
    { state: "offline" },
    { state: "offline" },
  ]);
});

test("offline nodes do not keep others from their turn", async () => {
  await up({ roll: "3", offline: true });
  expect((await containers(lab().mesh))["a"]!.environment).toContain("ROLL=3");
});

test("taken out of the config, an offline node is forgotten without contact", async () => {
  const ran = await up({ roll: "3", offline: true, without: ["c"] });
  expect(here(ran.changes).toSorted()).toEqual([
    "delete M-c",
    "delete M-c-admission",
    "delete M-c-ready",
    "delete M-c-turn",
  ]);
});

test("when the host is back, up converges what is still declared", async () => {
  await run("docker", ["start", engine!.name]);
  await until("answer of its engine", () => engine!.docker("version"), { seconds: 120 });
  await up({ roll: "3", without: ["c"] });
  expect(await rollOf("b")).toBe("3");
  expect(await rollOf("c")).toBe("1"); // forgotten, and left behind
  await requireServing(lab(), "a", "b");
  expect((await lab().preview()).changes).toEqual([]);
});

test("a forgotten node that is declared again takes the place of what was left behind", async () => {
  await up({ roll: "3" });
  expect(await rollOf("c")).toBe("3");
  await requireServing(lab(), "a", "b", "c");
});
