// A second balancer comes to a mesh, and each of the two goes again: what stays is not replaced.
import { beforeAll, expect, test } from "vitest";

import { referenceOf } from "../../lab/images/docker-image.mjs";
import { KEEPALIVED_IMAGE } from "../../lab/images/keepalived/keepalived-image.mjs";
import { containers, type Incarnation } from "../engine/support/containers.ts";
import { openConnections } from "../engine/support/connections.ts";
import { labConfig, model } from "../engine/support/lab.ts";
import { failures, startLoad } from "../engine/support/load.ts";
import { figure, inSeconds } from "../support/report/figure.ts";
import { story } from "../support/report/story.ts";
import { lanStackOfFile } from "./support/lan.ts";

story();

const { lan, stack } = lanStackOfFile(2, [KEEPALIVED_IMAGE]);

const urlOf = (n: number) => `http://${lan().host(n).address}:11434`;

/** Balancers on these machines; a node on each of the two, and one more on the second. */
const configure = (...machines: number[]) => {
  const [first = 1] = machines;
  const place = (n: number, port: number) =>
    // On the engine of a single balancer a node is published nowhere.
    machines.length === 1 && n === first ? { host: lan().host(n).endpoint } : lan().on(n, port);
  const shared = lan().lan.subnet.replace(/0\/24$/, "200/24");
  const balancer =
    machines.length === 1
      ? { host: lan().host(first).endpoint }
      : {
          hosts: machines.map((n) => lan().on(n)),
          virtualAddress: shared,
          keepalivedImage: referenceOf(KEEPALIVED_IMAGE),
        };
  return stack().configure(
    labConfig({
      nodes: [
        { name: "a", ...place(1, 11_435) },
        { name: "b", ...place(2, 11_435) },
        { name: "c", ...place(2, 11_436) },
      ],
      balancer: { ...balancer, listen: { address: "0.0.0.0", port: 11_434 } },
    }),
  );
};

/** All of the mesh's containers on a machine, by short name. */
const on = (n: number): Promise<Record<string, Incarnation>> =>
  containers(stack().mesh, ["-H", lan().host(n).endpoint], lan().lan.env);

/** An up while clients ask at a machine, with streams and by new connections: none may notice. */
async function unnoticedAt(n: number): Promise<void> {
  const url = urlOf(n);
  const load = startLoad({ url, model: model(), atATime: 3, perSecond: 10 });
  const connections = openConnections(`${url}/healthz`, { perSecond: 50 });
  const ran = await stack().tryUp();
  load.stop();
  const [seen, outcomes] = [await connections.stop(), await load.done];
  figure(
    "up",
    `${inSeconds(ran.seconds)}, ${seen.answered + outcomes.length} requests, ${failures(outcomes).length + Object.keys(seen.failures).length} lost`,
  );
  expect(ran.code, ran.output).toBe(0);
  expect(failures(outcomes)).toEqual([]);
  expect(seen.failures).toEqual({});
  expect((await stack().preview()).changes).toEqual([]);
}

const answers = async (n: number) => {
  const load = startLoad({ url: urlOf(n), model: model(), atATime: 2, perSecond: 10 });
  load.stop();
  expect(failures(await load.done)).toEqual([]);
  expect(await lan().serving(stack().mesh, n)).toEqual(["a", "b", "c"]);
};

beforeAll(async () => {
  if (!stack()) return;
  await configure(1);
  await stack().up();
}, 600_000);

test("one becomes two: of the first nothing is replaced, only its node, which gets a port", async () => {
  const [first, second] = [await on(1), await on(2)];
  await configure(1, 2);
  await unnoticedAt(1);
  const { a, ...kept } = await on(1);
  const { a: before, ...balancer } = first;
  expect(kept).toEqual(balancer);
  expect(a!.id).not.toBe(before!.id);
  expect(await on(2)).toMatchObject(second);
  await answers(1);
  await answers(2);
});

test("two become one, that on the first machine: nothing of it is replaced, and nothing is left of the other", async () => {
  const [{ a, ...balancer }, second] = [await on(1), await on(2)];
  await configure(1);
  await unnoticedAt(1);
  const { a: after, ...kept } = await on(1);
  expect(kept).toEqual(balancer);
  expect(after!.id).not.toBe(a!.id);
  expect(await on(2)).toEqual({ b: second["b"], c: second["c"] });
  await answers(1);
});

test("two again, and then one, that on the second machine: nothing of it is replaced", async () => {
  await configure(1, 2);
  await unnoticedAt(1);
  const [first, second] = [await on(1), await on(2)];
  await configure(2);
  await unnoticedAt(2);
  expect(await on(1)).toEqual({ a: first["a"] });
  const kept = await on(2);
  for (const name of ["balancer", "balancer-nginx"]) expect(kept[name]).toEqual(second[name]);
  await answers(2);
});
