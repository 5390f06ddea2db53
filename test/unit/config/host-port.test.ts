import { expect, test } from "vitest";

import { hostPort } from "../../../config/net/host-port.ts";

test.each([
  ["10.0.0.7", "10.0.0.7:80"],
  ["gpu1.lan", "gpu1.lan:80"],
  ["::1", "[::1]:80"],
])("address and port of %s are %s", (host, expected) => {
  expect(hostPort(host, 80)).toBe(expected);
});
