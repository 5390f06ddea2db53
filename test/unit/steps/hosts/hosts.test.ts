import { beforeEach, describe, expect, test, vi } from "vitest";

import { hosts } from "../../../../steps/hosts/hosts.ts";
import type { HostInspection, OldHost } from "../../../../steps/hosts/inspect-host.ts";
import type { HostNeeds } from "../../../../steps/hosts/host-needs.ts";
import { StepError } from "../../../../steps/step-error.ts";

const inspections = vi.hoisted(() => ({
  inspectHost: vi.fn<(needs: HostNeeds) => Promise<HostInspection>>(),
  inspectOldHost: vi.fn<(host: OldHost) => Promise<HostInspection>>(),
}));
vi.mock("../../../../steps/hosts/inspect-host.ts", () => inspections);

const { inspectHost, inspectOldHost } = inspections;
const fine = (endpoint: string): HostInspection => ({ endpoint, reached: true, problems: [] });
const host = (name: string, what = "1") => ({
  endpoint: `ssh://${name}`,
  nvidia: false,
  for: what,
  nodes: [name],
});
const earlier = (result: object) => vi.stubEnv("PULUMI_COMMAND_STDOUT", JSON.stringify(result));
const asked = () => [
  ...inspectHost.mock.calls.map(([needs]) => needs.endpoint),
  ...inspectOldHost.mock.calls.map(([old]) => old),
];

beforeEach(() => {
  inspectHost.mockReset().mockImplementation(async ({ endpoint }) => fine(endpoint));
  inspectOldHost.mockReset().mockImplementation(async ({ endpoint }) => fine(endpoint));
});

describe("which hosts are asked", () => {
  test("all of them the first time; what was found is the next time's start", async () => {
    expect(await hosts({ hosts: [host("a"), { ...host("b"), nodes: [] }] })).toEqual({
      fine: { "ssh://a": "1", "ssh://b": "1" },
      nodes: { "ssh://a": ["a"] },
    });
    expect(asked()).toEqual(["ssh://a", "ssh://b"]);
  });

  test("those of which something changes, and those that nodes leave; not those that are off", async () => {
    earlier({
      fine: { "ssh://a": "1", "ssh://b": "1" },
      nodes: { "ssh://a": ["a"], "ssh://gone": ["c", "d"], "ssh://off": ["e"] },
    });
    await hosts({ hosts: [host("a"), host("b", "2")], offline: ["ssh://off"] });
    expect(asked()).toEqual(["ssh://b", { endpoint: "ssh://gone", nodes: ["c", "d"] }]);
  });

  test("8 at once", async () => {
    const ends: (() => void)[] = [];
    inspectHost.mockImplementation(
      ({ endpoint }) =>
        new Promise((resolve) => {
          ends.push(() => resolve(fine(endpoint)));
        }),
    );
    const all = hosts({ hosts: Array.from({ length: 20 }, (_, i) => host(`h${i}`)) });
    await vi.waitFor(() => expect(ends).toHaveLength(8));
    ends[3]!();
    await vi.waitFor(() => expect(ends).toHaveLength(9));
    for (let i = 0; i < 20; i++) {
      await vi.waitFor(() => expect(ends.length).toBeGreaterThan(i));
      ends[i]!();
    }
    expect(Object.keys((await all).fine)).toHaveLength(20);
  });
});

test("every problem of every host is shown, below one table; one of the engine itself names it already", async () => {
  inspectHost.mockImplementation(async ({ endpoint }) =>
    endpoint === "ssh://a"
      ? fine(endpoint)
      : {
          ...fine(endpoint),
          problems: [
            { text: "its clock is off", ofEngine: false },
            { text: "Docker engine ssh://b: the host does not answer", ofEngine: true },
          ],
        },
  );
  await expect(hosts({ hosts: [host("a"), host("b")] })).rejects.toEqual(
    new StepError(
      [
        "1 of 2 hosts cannot take the change; nothing was touched anywhere",
        "  host     docker  api  machine  memory  disk left  gpus  clock",
        "  ssh://a  -       -    -        -       -          -     -      ok",
        "  ssh://b  -       -    -        -       -          -     -      2 problems",
        "Docker engine ssh://b: its clock is off",
        "Docker engine ssh://b: the host does not answer",
      ].join("\n"),
    ),
  );
});
