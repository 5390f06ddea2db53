// One command for a node that is stuck.
import { expect, test, vi } from "vitest";

import { run, type CommandError } from "../../../toolchain/command.mjs";
import { until } from "../../../toolchain/until.mjs";
import type { RoutedStatus } from "../../../templates/status/mesh-status.ts";
import { figure, inSeconds } from "../../support/report/figure.ts";
import { containers } from "../support/containers.ts";
import { model, stackOfFile } from "../support/lab.ts";
import { startLoad } from "../support/load.ts";
import { requireServing, rollConfig } from "../support/roll.ts";
import { CHECKOUT } from "../support/stack.ts";

vi.setConfig({ testTimeout: 240_000 });

const VLLM = { name: "vllm", managed: false, address: "127.0.0.1", port: 9, maintenance: true };
const nodes = [{ name: "a" }, { name: "b" }, { name: "c" }, VLLM];
const lab = stackOfFile(() => rollConfig(nodes), { up: true });

const command = (...args: string[]) =>
  run("node", ["dist/cli/ollama-mesh.js", ...args, "--stack", lab().name], {
    cwd: CHECKOUT,
    env: lab().env,
  });
const refusal = (...args: string[]) =>
  command(...args).then(
    () => "it was accepted",
    (error: CommandError) => error.output,
  );

test("a stuck node is taken out, restarted and let in again, and no request that had no answer yet is lost", async () => {
  const before = await containers(lab().mesh);
  const running = startLoad({
    url: lab().url,
    model: model(),
    tokens: 8,
    atATime: 4,
    perSecond: 8,
    silenceSeconds: 120,
  });
  try {
    await running.more(8);
    await run("docker", ["pause", `${lab().mesh}-b`]); // connects, and never says a word
    await command("restart", "b", "--drain-seconds", "2");
    await running.more(8);
  } finally {
    running.stop();
  }
  const lost = (await running.done).filter(
    ({ failure }) => failure?.when === "before the first byte",
  );
  expect(lost).toEqual([]);
  const after = await containers(lab().mesh);
  expect(after["b"]).toMatchObject({ id: before["b"]!.id, running: true });
  expect(after["b"]!.startedAt).not.toBe(before["b"]!.startedAt);
  const { b: _old, ...others } = before;
  expect(after).toMatchObject(others);
  await requireServing(lab(), "a", "b", "c");
  expect((await lab().preview()).changes).toEqual([]);
});

test("a node that the stack has not, or does not run, is refused by name", async () => {
  expect(await refusal("restart", "d")).toContain("the stack has no node d; it has a, b, c, vllm");
  expect(await refusal("restart", "vllm")).toContain("node vllm is not managed");
  expect(await refusal("restart", "a", "--drain-seconds", "soon")).toContain(
    '--drain-seconds must be a whole number of seconds, got "soon"',
  );
});

test("--help says what there is, and of each command what it does", async () => {
  expect(await command("--help")).toMatch(/^Usage: ollama-mesh COMMAND/);
  expect(await command("restart", "--help")).toMatch(/^Usage: ollama-mesh restart NODE/);
});

test("status says how a mesh is, in a table and as JSON, and what is wrong first", async () => {
  expect(await command("status", "--help")).toMatch(/^Usage: ollama-mesh status/);
  const [seen] = await until(
    "a mesh that is well",
    async () => {
      const said = await command("status", "--json").catch(() => "[]");
      const all = JSON.parse(said) as { balancer: string; status: RoutedStatus }[];
      return all[0]?.status.problems.length === 0 && all;
    },
    { seconds: 60 },
  );
  expect(seen!.balancer).toBe(`${lab().mesh}-balancer`);
  expect(seen!.status.nodes.map(({ name, state }) => [name, state])).toEqual([
    ["a", "ok"],
    ["b", "ok"],
    ["c", "ok"],
  ]);
  expect(seen!.status.away).toEqual({ maintenance: ["vllm"], out: [] });
  expect(seen!.status.config).toMatchObject({ current: true });

  await run("docker", ["pause", `${lab().mesh}-b`]);
  try {
    const began = Date.now();
    const said = await until(
      "the frozen node in the table",
      async () => {
        const text = await command("status").catch((error: CommandError) => error.output);
        return /node b +does not answer/.test(text) && text;
      },
      { seconds: 60 },
    );
    figure("a frozen node is named after", inSeconds((Date.now() - began) / 1000));
    expect(said.split("\n")[0]).toMatch(/-balancer: \d problems?$/);
    expect(said).toMatch(/\nvllm +maintenance /);
  } finally {
    await run("docker", ["unpause", `${lab().mesh}-b`]);
  }
});

test("doctor finds nothing wrong with a mesh that serves, and names a container that does not run", async () => {
  const well = JSON.parse(await command("doctor", "--json")) as Record<string, string[]>;
  expect(well["findings"]).toEqual([]);
  expect(well["seen"]).toEqual([
    expect.stringMatching(/^host +docker /),
    expect.stringMatching(/^unix:.* ok$/),
    expect.stringContaining(`balancer ${lab().mesh}-balancer: `),
    ...["a", "b", "c"].map((node) => expect.stringMatching(`^node ${node}: Ollama .*; loaded: `)),
    "node vllm: in maintenance, not asked",
  ]);

  await run("docker", ["stop", "--time", "1", `${lab().mesh}-c`]);
  const said = await refusal("doctor");
  expect(said).toContain("\n1 finding\n");
  expect(said).toMatch(/ {2}node c {2}container \S+-c is exited \(exit code \d+\); docker logs /);
});

test("with its balancer stopped doctor has one finding more, and restart leaves a node as it is", async () => {
  const balancer = `${lab().mesh}-balancer`;
  await run("docker", ["stop", "--time", "1", balancer]);
  try {
    const said = await refusal("doctor");
    expect(said).toContain("\n2 findings\n");
    expect(said).toMatch(
      / {2}balancer \S+ {2}its container is exited; docker start \S+-balancer on unix:/,
    );
    expect(said).toContain("node a: runs; not asked");
    const before = await containers(lab().mesh);
    expect(await refusal("restart", "a")).toMatch(
      /^node a is left as it is: the balancer .* is exited;/m,
    );
    expect((await containers(lab().mesh))["a"]).toEqual(before["a"]);
  } finally {
    await run("docker", ["start", balancer]);
  }
});
