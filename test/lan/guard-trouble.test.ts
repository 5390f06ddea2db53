// Nodes that only the balancer may use, when something happens to their guards or machines.
import { expect, test } from "vitest";

import { run } from "../../toolchain/command.mjs";
import { until } from "../../toolchain/until.mjs";
import { model, nginxImage } from "../engine/support/lab.ts";
import { failures, load, served } from "../engine/support/load.ts";
import { figure, inSeconds } from "../support/report/figure.ts";
import { story } from "../support/report/story.ts";
import { lanStackOfFile } from "./support/lan.ts";

story();

const { lan, stack } = lanStackOfFile(3);

const a = (more: object = {}) => ({ name: "a", ...lan().on(2), ...more });
const b = (more: object = {}) => ({ name: "b", ...lan().on(3), ...more });
const configure = (...nodes: object[]) =>
  stack().configure(lan().config({ nodes, access: "balancerOnly" }));

const guarded = (node: string) => [
  `container ${node}`,
  `container ${node}.guard`,
  `network ${node}.guard`,
  `volume ${node}.guard-HASH`,
];
const mine = async (n: number) =>
  (await lan().remains(n, stack().mesh))
    .map((each) => each.replace(/-[0-9a-f]{12}$/, "-HASH"))
    .toSorted();
const guard = (node: string) => `${stack().mesh}-${node}.guard`;
const idOf = (n: number, container: string) =>
  lan().docker(n, "inspect", "--format", "{{.Id}}", container);

/** Who answers; all requests must be answered. */
async function whoServes(): Promise<string[]> {
  const outcomes = await load({ url: lan().url, model: model(), tokens: 4, atATime: 4, total: 16 });
  expect(failures(outcomes)).toEqual([]);
  return Object.keys(served(outcomes)).toSorted();
}
const bothServe = () =>
  until("answers of both", async () => (await whoServes()).join() === "a,b", { seconds: 60 });

/** What a machine of the LAN gets that is neither balancer nor operator. */
async function strangerGets(n: number): Promise<string> {
  const { name, network } = lan().lan;
  const ask = `curl -sS -m 10 -o /dev/null -w '%{http_code}' http://${lan().host(n).address}:11434/api/tags`;
  const place = ["--rm", "--network", network, "--label", `ollama-mesh-lab.lan=${name}`];
  return run("docker", ["run", ...place, "--entrypoint", "sh", nginxImage(), "-c", ask]);
}

test("a fresh up: both serve", async () => {
  await configure(a(), b());
  await stack().up();
  expect(await whoServes()).toEqual(["a", "b"]);
});

test("a guard that crashes comes back by itself, and no client sees an error", async () => {
  const pid = await lan().docker(2, "inspect", "--format", "{{.State.Pid}}", guard("a"));
  await lan().inside(2, "kill", "-9", pid);
  expect(await whoServes()).toContain("b");
  await bothServe();
  expect(await strangerGets(2)).toBe("400");
});

test("a guard that was stopped by hand is out without an error, and up --refresh brings it back", async () => {
  const node = await idOf(2, `${stack().mesh}-a`);
  await lan().docker(2, "stop", guard("a"));
  expect(await whoServes()).toEqual(["b"]);
  const ran = await stack().tryUp("--refresh");
  figure("up", inSeconds(ran.seconds));
  expect(ran.code, ran.output).toBe(0);
  expect(ran.changes.filter((change) => /-b(-|$)/.test(change))).toEqual([]);
  await bothServe();
  expect(await strangerGets(2)).toBe("400");
  expect(await idOf(2, `${stack().mesh}-a`)).toBe(node);
  expect(await mine(2)).toEqual([...guarded("a"), "volume models"].toSorted());
  expect((await stack().preview()).changes).toEqual([]);
});

test("a machine that is rebooted serves again by itself, as closed as before", async () => {
  await lan().power(2, "kill");
  expect(await whoServes()).toEqual(["b"]);
  await lan().power(2, "start");
  await bothServe();
  expect(await strangerGets(2)).toBe("400");
  expect((await stack().preview()).changes).toEqual([]);
});

test("a machine that is switched off is left alone, guard and all, while others are changed", async () => {
  await lan().power(3, "kill");
  const gone = b({ offline: true });
  await stack().configure(
    lan().config({ nodes: [a(), gone], access: "balancerOnly", ollama: { keepAlive: "23h" } }),
  );
  const ran = await stack().tryUp();
  figure("up", inSeconds(ran.seconds));
  expect(ran.code, ran.output).toBe(0);
  const touched = ran.changes.filter((change) => /-b(-|$)/.test(change));
  expect(touched.map((change) => change.replace(stack().mesh, "M")).toSorted()).toEqual([
    "update M-b-admission",
    "update M-b-turn",
  ]);
  expect((await stack().preview()).changes).toEqual([]);
  expect(await whoServes()).toEqual(["a"]);
});

test("when it is on again, up brings it back with its guard", async () => {
  await lan().power(3, "start");
  await until("lan3", () => lan().docker(3, "version"), { seconds: 120 });
  await configure(a(), b());
  await stack().up();
  await bothServe();
  expect(await strangerGets(3)).toBe("400");
  expect(await mine(3)).toEqual([...guarded("b"), "volume models"].toSorted());
  expect((await stack().preview()).changes).toEqual([]);
});

test("a node that moves takes its guard with it: nothing of the two stays but the models", async () => {
  await configure(a({ ...lan().on(3, 11435) }), b());
  await stack().up();
  expect(await mine(2)).toEqual(["volume models"]);
  expect(await mine(3)).toEqual([...guarded("a"), ...guarded("b"), "volume models"].toSorted());
  await bothServe();
  expect((await stack().preview()).changes).toEqual([]);
});
