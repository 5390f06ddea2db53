// What admission, turns and restarts say where they need no engine; with one: test/engine/steps/.
import { describe, expect, test } from "vitest";

import { admit, drain, type AdmissionInput } from "../../../../steps/nodes/admission.ts";
import { isIdle } from "../../../../steps/nodes/requests-in-flight.ts";
import { restart } from "../../../../steps/nodes/restart.ts";
import type { ReadyInput } from "../../../../steps/nodes/ready.ts";
import { enlist } from "../../../../steps/nodes/turn.ts";
import { StepError } from "../../../../steps/step-error.ts";
import { standInDocker } from "../../../support/stand-in-docker.ts";

const INPUT: AdmissionInput = {
  balancer: {
    endpoint: "unix:///run/x.sock",
    container: "lab-balancer",
    volume: "v",
    network: "n",
  },
  node: "a",
  address: "10.0.0.7",
  port: 11_434,
  line: "server 10.0.0.7:11434;",
  drainTimeoutSeconds: 5,
};
const NO_BALANCER =
  "echo 'Error response from daemon: No such container: lab-balancer' >&2; exit 1";
const GONE = "the balancer lab-balancer is gone; pulumi up --refresh makes it anew";
const gate = {} as ReadyInput;

test("without a balancer no node is admitted or restarted, and there is nothing to drain", async () => {
  standInDocker(NO_BALANCER);
  await expect(admit(INPUT)).rejects.toEqual(new StepError(GONE));
  await expect(restart({ admission: INPUT, ready: gate })).rejects.toEqual(new StepError(GONE));
  expect(await drain(INPUT)).toEqual({ drained: "a" });
});

test("a node that is declared offline is not restarted", async () => {
  const admission = { ...INPUT, offline: true };
  await expect(restart({ admission, ready: gate })).rejects.toEqual(
    new StepError("node a is declared offline; take offline: true away and run pulumi up first"),
  );
});

test("a node that was never made is not made offline", async () => {
  const turn = { balancer: INPUT.balancer, mesh: "lab", node: "a", spec: "1", maxUnavailable: 1 };
  await expect(enlist({ ...turn, offline: true })).rejects.toEqual(
    new StepError(
      "node a is declared offline, but was never made; leave it out until its host is on",
    ),
  );
});

describe("a node is idle", () => {
  test.each([
    ["once no request is in flight and no old worker is left", 0, false, 0, true],
    ["not while a request is in flight", 1, false, 600, false],
    ["not while an old worker may get one on a kept connection", 0, true, 6, false],
    ["once such connections are closed, whatever else keeps the worker", 0, true, 6.1, true],
  ])("%s", (_, connections, oldWorkers, seconds, idle) => {
    expect(isIdle({ connections, oldWorkers }, seconds)).toBe(idle);
  });
});
