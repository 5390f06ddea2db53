// The program on the real engine, from nothing to nothing.
import { expect, test, vi } from "vitest";

import { figure, inSeconds } from "../../support/report/figure.ts";
import { story } from "../../support/report/story.ts";
import { secondCheckout } from "../support/checkout.ts";
import { containers } from "../support/containers.ts";
import { labConfig, model, stackOfFile } from "../support/lab.ts";
import { remains } from "../support/leftovers.ts";
import { chat } from "../support/load.ts";

vi.setConfig({ testTimeout: 300_000 });

story();

const lab = stackOfFile(labConfig, { up: false });

test("a preview of a new stack shows the mesh and touches nothing", async () => {
  const stack = lab();
  const { changes } = await stack.preview();
  expect(changes).toContain(`create ${stack.mesh}-balancer`);
  for (const node of ["a", "b", "c"]) expect(changes).toContain(`create ${stack.mesh}-${node}`);
  expect(changes.filter((change) => !change.startsWith("create "))).toEqual([]);
  expect(await remains(stack.mesh)).toEqual([]);
});

test("up brings a mesh that answers at the endpoint it names", async () => {
  const stack = lab();
  const { seconds, output } = await stack.up();
  figure("fresh up", inSeconds(seconds));
  expect(output).not.toContain("warning");
  const outputs = await stack.outputs();
  expect(Object.keys(outputs).sort()).toEqual(["curl", "endpoint", "endpoints", "nodes"]);
  expect(outputs["endpoint"]).toBe(stack.url);
  expect(outputs["endpoints"]).toEqual([stack.url]);
  expect(outputs["nodes"]).toMatchObject([
    { name: "a", state: "active" },
    { name: "b", state: "active" },
    { name: "c", state: "backup" },
  ]);
  const answer = await chat({ url: stack.url, model: model() });
  expect(answer.failure).toBeUndefined();
  expect(["a", "b"]).toContain(answer.node);
});

test("a second up changes nothing", async () => {
  const stack = lab();
  const before = await containers(stack.mesh);
  const { changes, seconds } = await stack.up();
  expect(changes).toEqual([]);
  figure("second up", inSeconds(seconds));
  expect(await containers(stack.mesh)).toEqual(before);
});

test("a refresh finds nothing changed, and nor does the preview after it", async () => {
  const stack = lab();
  await stack.refresh();
  expect((await stack.preview()).changes).toEqual([]);
});

test("a second checkout in another folder sees no changes, and can change the mesh", async () => {
  const stack = lab();
  await using other = await secondCheckout();
  expect((await stack.preview(other.folder)).changes).toEqual([]);

  const before = await containers(stack.mesh);
  await stack.configure(
    labConfig({
      nodes: [
        { name: "a", weight: 3 },
        { name: "b", weight: 1 },
        { name: "c", backup: true },
      ],
    }),
  );
  const ran = await stack.change("up", [], other.folder);
  expect(ran.code, ran.output).toBe(0);
  expect(ran.changes).toEqual([`update ${stack.mesh}-a-admission`]);
  expect(await containers(stack.mesh)).toEqual(before);
  // And back here: the other folder has left no trace of itself in the state.
  expect((await stack.preview()).changes).toEqual([]);
});

test("destroy leaves nothing but the models", async () => {
  const stack = lab();
  await stack.destroy();
  expect(await remains(stack.mesh)).toEqual([`volume ${stack.mesh}-models`]);
});
