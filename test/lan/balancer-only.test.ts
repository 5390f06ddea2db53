// Nodes that only the balancer may use, seen from a machine of the LAN that is neither balancer nor operator.
import { afterAll, expect, test } from "vitest";

import { run } from "../../toolchain/command.mjs";
import { until } from "../../toolchain/until.mjs";
import { model, nginxImage, slowModel } from "../engine/support/lab.ts";
import { chat, failures, startLoad } from "../engine/support/load.ts";
import type { Ran } from "../engine/support/pulumi.ts";
import { CHECKOUT, type Stack } from "../engine/support/stack.ts";
import { figure, inSeconds } from "../support/report/figure.ts";
import { story } from "../support/report/story.ts";
import { lanOfFile, type TestLan } from "./support/lan.ts";

story();

let stack: Stack;
/** A container on the bridge of the LAN: one more machine, with curl and openssl. */
let stranger: string;
const lan: () => TestLan = lanOfFile(2, async (made) => {
  stack = await made.stack({ nodes: [] });
  const { name, network } = made.lan;
  const labels = ["--label", `ollama-mesh-lab.lan=${name}`];
  stranger = `${name}-stranger`;
  await run("docker", [
    ...["run", "--detach", "--name", stranger, "--network", network, ...labels],
    ...["--entrypoint", "sleep", nginxImage(), "infinity"],
  ]);
});
afterAll(async () => stack?.[Symbol.asyncDispose](), 60_000);

const a = (more: object = {}) => ({ name: "a", ...lan().on(2), ...more });
const b = (more: object = {}) => ({ name: "b", ...lan().on(2, 11435), ...more });
const configure = (nodes: object[], more: object = { access: "balancerOnly" }) =>
  stack.configure(lan().config({ nodes, ...more }));

/** What the stranger gets: status (000 for no answer), then the body or curl's words. */
async function strangerAsks(script: string): Promise<string> {
  return (await run("docker", ["exec", stranger, "sh", "-c", `cd /tmp; ${script}; true`])).trim();
}
const CURL = `curl -sS -m 10 -w '\n%{http_code}'`;
const plain = (port: number) =>
  strangerAsks(`${CURL} http://${lan().host(2).address}:${port}/api/tags 2>&1`);
const overTls = (port: number, more = "") =>
  strangerAsks(
    `${more}${CURL} -k ${more ? "--cert own.pem --key own.key " : ""}https://${lan().host(2).address}:${port}/api/tags 2>&1`,
  );
const OWN_CERTIFICATE =
  "openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=ollama-mesh -addext extendedKeyUsage=clientAuth -days 30 -keyout own.key -out own.pem 2>/dev/null; ";

/** An up while clients keep asking, none of which may notice. */
async function upUnderLoad(...args: string[]): Promise<Ran> {
  const load = startLoad({ url: lan().url, model: model(), atATime: 4, perSecond: 20 });
  const ran = await stack.tryUp(...args);
  load.stop();
  const outcomes = await load.done;
  figure("up", `${inSeconds(ran.seconds)} with ${outcomes.length} requests`);
  expect(ran.code, ran.output).toBe(0);
  expect(outcomes.length).toBeGreaterThan(20);
  expect(failures(outcomes)).toEqual([]);
  expect(ran.output).not.toContain("PRIVATE KEY");
  return ran;
}

const mine = async () =>
  (await lan().remains(2, stack.mesh))
    .map((each) => each.replace(/-[0-9a-f]{12}$/, "-HASH"))
    .toSorted();
const guarded = (node: string) => [
  `container ${node}`,
  `container ${node}.guard`,
  `network ${node}.guard`,
  `volume ${node}.guard-HASH`,
];
const guardVolumes = async () =>
  (await lan().remains(2, stack.mesh)).filter((each) => each.includes(".guard-")).toSorted();

test("a fresh up makes a guard for each, and the balancer gets through", async () => {
  await configure([a(), b()]);
  const ran = await stack.up();
  figure("fresh up", inSeconds(ran.seconds));
  expect(await mine()).toEqual([...guarded("a"), ...guarded("b"), "volume models"].toSorted());
  const answer = await chat({ url: lan().url, model: model() });
  expect(answer).toMatchObject({ status: 200 });
  expect(answer.failure).toBeUndefined();
});

test("a machine of the LAN gets nothing of Ollama: plain, over TLS, with a certificate of its own", async () => {
  for (const said of [
    await plain(11434),
    await overTls(11434),
    await overTls(11434, OWN_CERTIFICATE),
  ]) {
    expect(said).toMatch(/\n400$/);
    expect(said).not.toMatch(/models|ollama/i);
  }
});

test("the node itself cannot be reached past its guard", async () => {
  const format =
    "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}} {{json .HostConfig.PortBindings}}";
  const [address = "", ports] = (
    await lan().docker(2, "inspect", "--format", format, `${stack.mesh}-a`)
  ).split(" ");
  expect(ports).toMatch(/^(null|\{\})$/);
  // The stranger knows the way: what is not published must not be forwarded all the same.
  const route = ["run", "--rm", "--network", `container:${stranger}`, "--cap-add", "NET_ADMIN"];
  const { image } = JSON.parse(
    await run("docker", [
      "inspect",
      "--format",
      '{"image":"{{.Config.Image}}"}',
      lan().host(2).container,
    ]),
  ) as { image: string };
  await run("docker", [
    ...route,
    "--entrypoint",
    "ip",
    image,
    "route",
    "add",
    `${address}/32`,
    "via",
    lan().host(2).address,
  ]);
  const ask = () => strangerAsks(`${CURL} http://${address}:11434/api/tags 2>&1`);
  expect(await ask()).toMatch(/\n000$/);
  // The way is a way: it is Docker's firewall that closes it.
  const all = async (what: string) => {
    await lan().inside(2, "iptables", what, "FORWARD", "-j", "ACCEPT");
    await lan().inside(2, "iptables", "-t", "raw", what, "PREROUTING", "-j", "ACCEPT");
  };
  await all("-I");
  expect(await ask()).toMatch(/models.*\n200$/s);
  await all("-D");
  expect(await ask()).toMatch(/\n000$/);
});

test("tokens pass one by one, and large bodies as a whole", async () => {
  const slow = await slowModel(lan().url);
  const streamed = await chat({ url: lan().url, model: slow, tokens: 40 });
  expect(streamed.failure).toBeUndefined();
  // Held back by one of the two nginx, all tokens would come with the first.
  expect(streamed.ended - streamed.firstByte!).toBeGreaterThan(500);
  const padding = "x".repeat(40 * 1024 * 1024);
  const shown = await fetch(`${lan().url}/api/show`, {
    method: "POST",
    body: JSON.stringify({ model: model(), padding }),
  });
  expect(shown.status).toBe(200);
  await shown.arrayBuffer();
});

test("a second up changes nothing", async () => {
  const ran = await stack.up();
  figure("second up", inSeconds(ran.seconds));
  expect(ran.changes).toEqual([]);
});

test("no key is in the state in plain text, in docker inspect or in a log", async () => {
  const state = stack.env["PULUMI_BACKEND_URL"]!.replace("file://", "");
  const found = await run("sh", ["-c", `grep -rlE 'PRIVATE KEY' ${state} || echo none`]);
  expect(found.trim()).toBe("none");
  const all = await Promise.all([
    lan().docker(2, "inspect", `${stack.mesh}-a`, `${stack.mesh}-a.guard`),
    lan().docker(2, "logs", `${stack.mesh}-a.guard`),
    lan().docker(1, "inspect", `${stack.mesh}-balancer`),
    lan().docker(1, "logs", `${stack.mesh}-balancer`),
  ]);
  for (const text of all) expect(text).not.toContain("PRIVATE");
});

test("access is given to all for one node while clients ask, and it is reached as before", async () => {
  await configure([a(), b({ access: "open" })]);
  await upUnderLoad();
  expect(await mine()).toEqual(["container b", ...guarded("a"), "volume models"].toSorted());
  expect(await plain(11435)).toMatch(/models.*\n200$/s);
  expect((await stack.preview()).changes).toEqual([]);
});

test("and taken away again while clients ask", async () => {
  await configure([a(), b()]);
  await upUnderLoad();
  expect(await mine()).toEqual([...guarded("a"), ...guarded("b"), "volume models"].toSorted());
  expect(await plain(11435)).toMatch(/\n400$/);
  expect((await stack.preview()).changes).toEqual([]);
});

test("a node is restarted by the command, which gets past its guard", async () => {
  const options = { cwd: CHECKOUT, env: stack.env };
  const command = ["dist/cli/ollama-mesh.js", "restart", "b", "--stack", stack.name];
  expect(await run("node", command, options)).toContain("node b is back in traffic");
  expect(await mine()).toEqual([...guarded("a"), ...guarded("b"), "volume models"].toSorted());
});

test("all certificates are renewed in turn while clients ask, and the old files are gone", async () => {
  const before = await guardVolumes();
  await upUnderLoad("--replace", "**-link");
  const after = await guardVolumes();
  expect(after).toHaveLength(2);
  expect(after.filter((volume) => before.includes(volume))).toEqual([]);
  expect((await stack.preview()).changes).toEqual([]);
});

test("a long stream to a node that is replaced is drained, guard and all", async () => {
  const slow = await slowModel(lan().url);
  let begun = "";
  const streams = Array.from({ length: 4 }, () =>
    chat({ url: lan().url, model: slow, tokens: 120, onFirstByte: (node) => (begun += node) }),
  );
  await until("first tokens of all", async () => begun.length === 4, { seconds: 60 });
  await configure([a(), b()], { access: "balancerOnly", ollama: { keepAlive: "23h" } });
  const ran = await stack.tryUp();
  expect(ran.code, ran.output).toBe(0);
  const outcomes = await Promise.all(streams);
  expect(new Set(outcomes.map(({ node }) => node))).toEqual(new Set(["a", "b"]));
  expect(failures(outcomes)).toEqual([]);
});

test("destroy leaves the models and nothing else", async () => {
  await stack.destroy();
  expect(await mine()).toEqual(["volume models"]);
  expect(await lan().remains(1, stack.mesh)).toEqual([]);
});
