import { expect, test } from "vitest";

import type { HostProblem } from "../../../../steps/hosts/host-problem.ts";
import { hostsTable } from "../../../../steps/hosts/hosts-table.ts";

const problem: HostProblem = { text: "", ofEngine: false };

test("the table of hosts has a line each, what is not known left open", () => {
  const fine = {
    endpoint: "ssh://gpu1",
    reached: true,
    problems: [],
    engine: "28.5.2",
    api: "1.51",
  };
  expect(
    hostsTable([
      {
        ...fine,
        architecture: "x86_64",
        memoryGiB: 31.2,
        freeGiB: 70.6,
        gpus: "nvidia",
        clockSeconds: -2,
      },
      {
        ...fine,
        endpoint: "tcp://gpu20:2376",
        problems: [problem, problem],
        clockSeconds: 0,
      },
      { ...fine, problems: [problem] },
      { endpoint: "ssh://gpu3", reached: false, problems: [problem] },
    ]),
  ).toEqual([
    "host              docker  api   machine  memory  disk left  gpus    clock",
    "ssh://gpu1        28.5.2  1.51  x86_64   31 GiB  71 GiB     nvidia  -2 s   ok",
    "tcp://gpu20:2376  28.5.2  1.51  -        -       -          -       +0 s   2 problems",
    "ssh://gpu1        28.5.2  1.51  -        -       -          -       -      1 problem",
    "ssh://gpu3        -       -     -        -       -          -       -      not reached",
  ]);
});
