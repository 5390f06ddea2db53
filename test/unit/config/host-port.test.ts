import { expect, test } from "vitest";

import { hostOf, hostPort } from "../../../config/net/host-port.ts";

test.each([
  ["10.0.0.7", "10.0.0.7:80"],
  ["gpu1.lan", "gpu1.lan:80"],
  ["::1", "[::1]:80"],
])("address and port of %s are %s", (host, expected) => {
  expect(hostPort(host, 80)).toBe(expected);
});

test.each([
  ["http://10.0.0.7:80", "10.0.0.7"],
  ["https://Mesh.LAN:443", "mesh.lan"],
  ["http://[2001:DB8::0:1]:11434", "2001:db8::1"],
  ["http://gpu.1:11434", "gpu.1"],
])("the host in %s is %s", (url, expected) => {
  expect(hostOf(url)).toBe(expected);
});
