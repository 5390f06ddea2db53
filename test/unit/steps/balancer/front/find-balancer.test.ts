import { describe, expect, test } from "vitest";

import { findBalancer, parseContainer } from "../../../../../steps/balancer/front/find-balancer.ts";
import { standInDocker } from "../../../../support/stand-in-docker.ts";

const BALANCER = {
  endpoint: "unix:///run/nowhere.sock",
  container: "lab-balancer",
  volume: "lab-config",
  network: "lab-network",
};

/** What the engine says of a container. */
const inspected = (id: string, image: string, { joined = "", status = "running", created = "1" }) =>
  JSON.stringify([
    {
      Id: id,
      Created: created,
      State: { Running: status === "running", Status: status, ExitCode: 0 },
      RestartCount: 0,
      Config: { Image: image },
      HostConfig: { NetworkMode: joined ? `container:${joined}` : "none" },
      NetworkSettings: { Networks: joined ? {} : { "lab-network": {} } },
    },
  ]);

/** Docker with a front and these containers that may have joined it; those in `serving` take connections. */
const docker = (containers: Record<string, string>, ...serving: string[]) =>
  standInDocker(
    [
      `case "$3 $4" in`,
      `"ps --all") echo '${Object.keys(containers).join("\n")}' ;;`,
      `"container inspect") case "$5" in`,
      `lab-balancer) echo '${inspected("front", "nginx:front", {})}' ;;`,
      ...Object.entries(containers).map(([id, text]) => `${id}) echo '${text}' ;;`),
      `esac ;;`,
      ...serving.map((id) => `"exec ${id}") ;;`),
      `*) exit 1 ;;`,
      `esac`,
    ].join("\n"),
  );

describe("a balancer's image is that", () => {
  const image = async () => (await findBalancer(BALANCER))?.image;

  test("of the nginx that has joined the front, and not another front", async () => {
    docker({
      one: inspected("one", "nginx:1", { joined: "front" }),
      other: inspected("other", "nginx:other", { joined: "elsewhere" }),
    });
    expect(await image()).toBe("nginx:1");
  });

  test("of the newest that takes connections, while there are two", async () => {
    const joined = "front";
    const all = {
      old: inspected("old", "nginx:1", { joined, created: "1" }),
      new: inspected("new", "nginx:2", { joined, created: "2" }),
      bad: inspected("bad", "nginx:3", { joined, created: "3" }),
      ended: inspected("ended", "nginx:4", { joined, created: "4", status: "exited" }),
    };
    docker(all, "old", "new");
    expect(await image()).toBe("nginx:2");
  });

  test("of the front where nothing has joined it, as of a version before", async () => {
    docker({});
    expect(await image()).toBe("nginx:front");
  });
});

test("there is none", async () => {
  standInDocker("echo 'Error response from daemon: No such container: lab-balancer' >&2; exit 1");
  expect(await findBalancer(BALANCER)).toBeUndefined();
});

test("a container that has joined a front is told from one", () => {
  const [front] = parseContainer(inspected("a", "nginx:1", {}));
  expect(front).toEqual({
    ...{ id: "a", running: true, status: "running", image: "nginx:1", created: "1" },
    networks: ["lab-network"],
    ports: [],
  });
  const [nginx] = parseContainer(inspected("b", "nginx:1", { joined: "a" }));
  expect([nginx?.joined, nginx?.networks]).toEqual(["a", []]);
});
