import { expect, test } from "vitest";

import { serving } from "../../../../steps/balancer/serving.ts";
import { standInDocker } from "../../../support/stand-in-docker.ts";

const INPUT = {
  balancer: {
    endpoint: "unix:///run/nowhere.sock",
    container: "lab-balancer",
    volume: "lab-config",
    network: "lab-network",
  },
  mesh: "lab",
  front: "front",
  nginx: "new",
  address: "10.0.0.2",
  pids: 256,
};
const inspected = (id: string, status: string, joined?: string, port = "80") =>
  JSON.stringify([
    {
      Id: id,
      Created: "1",
      State: { Running: status === "running", Status: status, ExitCode: 0 },
      RestartCount: 0,
      Config: { Image: "nginx:1" },
      HostConfig: {
        NetworkMode: joined ? `container:${joined}` : "none",
        PortBindings: joined ? {} : { "8080/tcp": [{ HostIp: "127.0.0.1", HostPort: port }] },
      },
      NetworkSettings: { Networks: joined ? {} : { "lab-network": {} } },
    },
  ]);

/** What an nginx says of a mesh whose node b nobody can reach. */
const told = (a: string) =>
  JSON.stringify({
    routing: "models",
    nodes: [
      { name: "a", state: a },
      { name: "b", state: "gone" },
    ],
  });

/** An engine with these containers, by id, and its answers to other commands: cases of the shell. */
const engineOf = (containers: Record<string, string>, others: readonly string[]) =>
  [
    `case "$3 $4" in`,
    `"ps --all") echo '${Object.keys(containers).join("\n")}' ;;`,
    `"container inspect") case "$5" in`,
    ...Object.entries(containers).map(([id, text]) => `${id}) echo '${text}' ;;`),
    `esac ;;`,
    ...others,
    `esac`,
  ].join("\n");

test("a new nginx answers by itself, and knows the nodes that the one before does; then that is sent off, and what has ended or is another front is removed", async () => {
  const containers = {
    front: inspected("front", "running"),
    new: inspected("new", "running", "front"),
    old: inspected("old", "running", "front"),
    ended: inspected("ended", "exited", "front"),
    before: inspected("before", "running"),
    strayed: inspected("strayed", "running", "before"),
  };
  const { commands } = standInDocker(
    engineOf(containers, [
      `"exec new") case "$*" in`,
      `*config-hash) printf abc ;;`,
      `*status.json) asked=$(cat "$0.asked" 2>/dev/null); echo "$asked." >"$0.asked"`,
      `[ "$asked" = .. ] && echo '${told("ok")}' || echo '${told("unknown")}' ;;`,
      `esac ;;`,
      `"exec old") echo '${told("ok")}' ;;`,
      `"exec front") echo 7 ;;`,
      `"kill --signal") [ "$6" = old ] ;;`,
    ]),
  );
  expect(await serving(INPUT)).toEqual({ serving: "abc" });
  const done = commands().filter((each) => !/inspect|^ps|^exec front/.test(each));
  expect(done.slice(0, 2)).toEqual([
    "update --pids-limit 256 front new",
    "exec new curl -fsS -m 2 --unix-socket /tmp/mesh.sock http://127.0.0.1:8081/config-hash",
  ]);
  const status = "curl -fsS -m 2 --unix-socket /tmp/mesh.sock http://127.0.0.1:8081/status.json";
  const looks = ["new", "old"].flatMap((id) => Array(3).fill(`exec ${id} ${status}`));
  expect(done.slice(2, 8).toSorted()).toEqual(looks);
  const leaving =
    "curl -fsS -m 2 --unix-socket /tmp/mesh.sock http://127.0.0.1:8081/usage.json?leaving=1";
  expect(done.slice(8).toSorted()).toEqual([
    ...["before", "old", "strayed"].map((id) => `exec ${id} ${leaving}`),
    "kill --signal QUIT ended",
    "kill --signal QUIT old",
    "rm --force before",
    "rm --force ended",
    "rm --force strayed",
  ]);
});

test("a front with other ports is told to close them, and its nginx to finish", async () => {
  const containers = {
    front: inspected("front", "running"),
    new: inspected("new", "running", "front"),
    before: inspected("before", "running", undefined, "81"),
    old: inspected("old", "running", "before"),
  };
  const { commands } = standInDocker(
    engineOf(containers, [
      `"exec new"|"exec old") echo '${told("ok")}' ;;`,
      `"exec front") echo 7 ;;`,
    ]),
  );
  await serving(INPUT);
  expect(commands().filter((each) => /^(kill|rm)/.test(each))).toEqual([
    "kill --signal USR1 before",
    "kill --signal QUIT old",
  ]);
});
