import { expect, test } from "vitest";

import {
  migrateProbe,
  migratesQueues,
} from "../../../../../steps/balancer/front/migrates-queues.ts";
import { standInDocker } from "../../../../support/stand-in-docker.ts";

const INPUT = { endpoint: "unix:///run/nowhere.sock", image: "nginx:1" };
const refusing = (words: string) => standInDocker(`echo '${words}' >&2; exit 125`);

test("a kernel is asked by a container that does nothing, without a network", async () => {
  const { commands } = standInDocker("");
  expect(await migratesQueues(INPUT)).toEqual({ migrates: true });
  expect(commands()).toEqual([migrateProbe("nginx:1").join(" ")]);
  expect(migrateProbe("nginx:1")).toEqual([
    ...["run", "--rm", "--network", "none", "--sysctl", "net.ipv4.tcp_migrate_req=1"],
    ...["--entrypoint", "true", "nginx:1"],
  ]);
});

test("one before 5.14 has not got it", async () => {
  refusing(
    "write sysctl key net.ipv4.tcp_migrate_req: open /proc/sys/net/ipv4/tcp_migrate_req: no such file",
  );
  expect(await migratesQueues(INPUT)).toEqual({ migrates: false });
});

test("any other refusal is no answer", async () => {
  refusing("no space left on device");
  await expect(migratesQueues(INPUT)).rejects.toThrow("no space left on device");
});
