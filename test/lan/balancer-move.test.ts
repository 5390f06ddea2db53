// The balancer moves from a machine with a node to another one with a node: the one on the old machine gets
// published there, the one on the new machine comes into the mesh network.
import { expect, test } from "vitest";

import { model } from "../engine/support/lab.ts";
import { failures, load, served } from "../engine/support/load.ts";
import { story } from "../support/report/story.ts";
import { lanStackOfFile } from "./support/lan.ts";

story();

const { lan, stack } = lanStackOfFile(2);

const mine = (n: number) => lan().remains(n, stack().mesh);

async function upWithBalancerOn(n: number): Promise<void> {
  const node = (name: string, on: number) =>
    on === n ? { name, host: lan().host(on).endpoint } : { name, ...lan().on(on) };
  // Nodes are published at 11434, also the one that is to leave that for the mesh network.
  const balancer = { host: lan().host(n).endpoint, listen: { address: "0.0.0.0", port: 8080 } };
  await stack().configure(lan().config({ nodes: [node("a", 1), node("b", 2)], balancer }));
  await stack().up();
}

async function answersOn(n: number): Promise<void> {
  const url = `http://${lan().host(n).address}:8080`;
  const outcomes = await load({ url, model: model(), atATime: 2, total: 20 });
  expect(failures(outcomes)).toEqual([]);
  expect(Object.keys(served(outcomes)).toSorted()).toEqual(["a", "b"]);
}

test("on the first machine", async () => {
  await upWithBalancerOn(1);
  await answersOn(1);
});

test.each([
  ["to the second", 2, 1],
  ["and back to the first", 1, 2],
])("%s: both nodes serve behind it, and nothing of it stays where it was", async (_, n, old) => {
  await upWithBalancerOn(n);
  await answersOn(n);
  const [here, there] = n === 1 ? ["a", "b"] : ["b", "a"];
  expect(await mine(old)).toEqual([`container ${there}`, "volume models"]);
  expect(await mine(n)).toEqual(
    [
      ...[`container ${here}`, "container balancer", "container balancer-nginx"],
      "network network",
      ...["volume config", "volume models"],
    ].toSorted(),
  );
  expect((await stack().preview()).changes).toEqual([]);
});
