import { createServer, connect, type AddressInfo } from "node:net";
import { existsSync, readFileSync } from "node:fs";
import { once } from "node:events";

import { describe, expect, test } from "vitest";

import { endpointKey, parseConnections } from "../../../../steps/nodes/connections.ts";

describe("an address as the kernel writes it", () => {
  test.each([
    ["127.0.0.1", 80, "0100007F:0050"],
    ["10.25.246.107", 11_434, "6BF6190A:2CAA"],
    ["255.255.255.255", 65_535, "FFFFFFFF:FFFF"],
    ["0.0.0.1", 1, "01000000:0001"],
    ["::1", 8080, "00000000000000000000000001000000:1F90"],
    ["2001:db8::7", 8000, "B80D0120000000000000000007000000:1F40"],
    ["2001:DB8:0:0:0:0:0:7", 8000, "B80D0120000000000000000007000000:1F40"],
    ["fe80::1:2:3:4", 1, "000080FE000000000200010004000300:0001"],
    ["::", 1, "00000000000000000000000000000000:0001"],
    ["1:2:3:4:5:6:7:8", 1, "02000100040003000600050008000700:0001"],
  ])("%s port %i: %s", (address, port, key) => {
    expect(endpointKey(address, port)).toBe(key);
  });

  test("IPv4 in IPv6 is written out, as the kernel does", () => {
    expect(endpointKey("::ffff:10.0.0.7", 80)).toBe("0000000000000000FFFF00000700000A:0050");
  });
});

describe("the kernel of this machine", () => {
  test.each([
    ["127.0.0.1", "/proc/net/tcp"],
    ["::1", "/proc/net/tcp6"],
  ])("lists a connection to %s under its key", async (address, table) => {
    if (!existsSync(table)) return expect(process.platform).not.toBe("linux");
    const server = createServer();
    server.listen(0, address);
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const client = connect(port, address);
    await once(client, "connect");
    try {
      const remotes = readFileSync(table, "utf8")
        .split("\n")
        .map((line) => line.trim().split(/\s+/))
        .filter(([, , , state]) => state === "01")
        .map(([, , remote]) => remote);
      expect(remotes.filter((remote) => remote === endpointKey(address, port))).toHaveLength(1);
    } finally {
      client.destroy();
      server.close();
    }
  });
});

describe("what the balancer has to do with a node", () => {
  const line = (remote: string, state: string) =>
    `   0: 0200000A:9C40 ${remote} ${state} 00000000:00000000 00:00000000 00000000   101        0 1`;
  const NODE = endpointKey("10.0.0.7", 11_434);
  const OTHER = endpointKey("10.0.0.8", 11_434);
  const MASTER = "nginx: master process nginx\nnginx: worker process\n";
  test.each([
    [
      "an open connection and one that opens",
      [line(NODE, "01"), line(NODE, "02"), MASTER],
      2,
      false,
    ],
    ["none that is closing", [line(NODE, "06"), line(NODE, "08"), MASTER], 0, false],
    ["none of another node", [line(OTHER, "01"), MASTER], 0, false],
    ["a worker that knows it", ["nginx: worker process is shutting down", MASTER], 0, true],
  ])("%s", (_, lines, connections, oldWorkers) => {
    const seen = parseConnections(lines.join("\n"), [NODE]);
    expect(seen).toEqual({ connections, oldWorkers });
  });

  test("is counted at each of its addresses", () => {
    const observed = [line(NODE, "01"), line(OTHER, "01")].join("\n");
    expect(parseConnections(observed, [NODE, OTHER]).connections).toBe(2);
  });
});
