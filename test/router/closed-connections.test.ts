// What balancer.closeOnFailure does, by its own container beside a real nginx.
import { afterEach, describe, expect, test } from "vitest";

import { until } from "../../toolchain/until.mjs";
import { lacking } from "../support/needs.ts";
import { figure, inSeconds } from "../support/report/figure.ts";
import { clients } from "./harness/clients.ts";
import { Closer } from "./harness/closer.ts";
import { RoutedMesh } from "./harness/routed-mesh.ts";

const why = lacking("OLLAMA_MESH_NGINX_IMAGE");
const image = process.env.OLLAMA_MESH_NGINX_IMAGE ?? "";

/** A verdict that has not come by then is not going to. */
const VERDICT_SECONDS = 60;
/** What a frozen node may hold a client for; on a machine that is busy with other tests a little more. */
const LONGEST_SECONDS = 10;

describe.skipIf(why)(`connections that are closed${why ? ` (${why})` : ""}`, () => {
  const owned: AsyncDisposable[] = [];
  const own = <T extends AsyncDisposable>(one: T): T => {
    owned.push(one);
    return one;
  };
  afterEach(async () => {
    for (const one of owned.splice(0).reverse()) await one[Symbol.asyncDispose]();
  });
  const node = (name: string, models = ["m:latest"]) => ({ name, models, places: 4, everyMs: 50 });

  test("of a frozen node: no client of eight waits for longer, streams of others go on", async () => {
    const nodes = [node("a", ["m:latest", "only:latest"]), node("b"), node("c")];
    const mesh = own(await RoutedMesh.startForked(image, nodes));
    const closer = own(await Closer.start(image, mesh.balancer, mesh.nodes));
    const other = mesh.chat("only", { tokens: 300 });
    const load = clients(mesh, 8);
    await until("answers of all", async () => load.made.some(({ node }) => node === "b"), {
      seconds: VERDICT_SECONDS,
    });
    await until("requests at it", async () => ((await mesh.inFlight())["b"] ?? 0) > 1, {
      seconds: VERDICT_SECONDS,
    });
    mesh.node("b").freeze();
    const frozen = Date.now();
    const before = () => load.made.filter(({ at }) => at < frozen + 10_000);
    await until(
      "end of all that was asked meanwhile",
      async () => Date.now() > frozen + 12_000 && before().every(({ ended }) => ended),
      { seconds: VERDICT_SECONDS },
    );
    const waits = before().map(({ at, ended = Infinity }) => (ended - at) / 1000);
    figure(`longest of ${waits.length} requests`, inSeconds(Math.max(...waits)));
    expect(Math.max(...waits)).toBeLessThan(LONGEST_SECONDS);
    // No more than were at it.
    const failed = load.made.filter((made) => made.failed);
    expect(failed.filter(({ at }) => at > frozen)).toEqual([]);
    expect(failed.length).toBeLessThanOrEqual(8);
    expect((await other).text.trim().split("\n")).toHaveLength(301);
    await load.stop();
    mesh.node("b").thaw();
    const said = await closer.said();
    figure("what it said", said.join("; "));
    expect(said.filter((line) => !/^node b is (quiet|gone): /.test(line))).toEqual([]);
  });

  test("of a node that hangs: what waits there is answered by others", async () => {
    // With all places taken, silence would prove nothing for minutes, as long as a load may take.
    const nodes = ["a", "b", "c"].map((name) => ({ ...node(name), places: 9 }));
    const mesh = own(await RoutedMesh.start(image, nodes));
    const closer = own(await Closer.start(image, mesh.balancer, mesh.nodes));
    const load = clients(mesh, 8);
    await until("proof of its model", async () => mesh.node("b").requests.length > 3, {
      seconds: VERDICT_SECONDS,
    });
    mesh.node("b").fault = "wedged";
    const since = Date.now();
    const stuck = () => load.made.filter(({ at }) => at <= since);
    await until("end of what was asked before", async () => stuck().every(({ ended }) => ended), {
      seconds: VERDICT_SECONDS,
    });
    figure("held for", inSeconds((Date.now() - since) / 1000));
    await load.stop();
    expect((await closer.said())[0]).toMatch(/^node b is wedged: connections closed: \d+$/);
  });

  test("never of a node whose prompts take 12 seconds, nor of one that loads after a restart", async () => {
    const slow = { ...node("a"), everyMs: 12_000, places: 1 };
    const mesh = own(await RoutedMesh.startForked(image, [slow]));
    const closer = own(await Closer.start(image, mesh.balancer, mesh.nodes));
    expect((await mesh.chat("m")).status).toBe(200);
    await mesh.node("a").die();
    await until("verdict gone", async () => (await mesh.verdict("a")) === "gone", {
      seconds: VERDICT_SECONDS,
    });
    await mesh.node("a").listen();
    // Asked while the verdict still is gone, too: whom nginx lets in must be answered.
    await until("an answer of it", async () => (await mesh.chat("m")).status === 200, {
      seconds: VERDICT_SECONDS,
    });
    expect(await closer.said()).toEqual([]);
  });
});
