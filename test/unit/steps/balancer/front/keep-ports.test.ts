import { spawnSync } from "node:child_process";

import { expect, test } from "vitest";

import { keepPortsCommand } from "../../../../../steps/balancer/front/keep-ports.ts";

test("perl runs the program, with nginx's config and the ports", () => {
  const [sh, , , , program, ...rest] = keepPortsCommand("/c/nginx.conf", [8080, 8082]);
  expect([sh, ...rest]).toEqual(["sh", "/c/nginx.conf", "8080", "8082"]);
  expect(program).toContain("SO_ATTACH_REUSEPORT_CBPF");
});

test("an image without perl sleeps", () => {
  const [, ...args] = keepPortsCommand("/c/nginx.conf", [8080]);
  const env = { PATH: "/nowhere" };
  const { stderr, status } = spawnSync("/bin/sh", args, { encoding: "utf8", env });
  expect([status, stderr.trim()]).toEqual([127, expect.stringContaining("sleep: not found")]);
});
