import fc from "fast-check";
import { describe, expect, test } from "vitest";

import * as names from "../../../config/names.ts";
import { engineHost } from "../../../config/net/engine-endpoint.ts";
import { shortHash } from "../../../config/short-hash.ts";

test("Docker names begin with the mesh and end with the user's own name", () => {
  expect([
    names.nodeContainer("lab", "gpu-1"),
    names.balancerContainer("lab"),
    names.meshNetwork("lab"),
    names.configVolume("lab"),
    names.modelVolume("lab"),
  ]).toEqual(["lab-gpu-1", "lab-balancer", "lab-network", "lab-config", "lab-models"]);
});

describe("the host of an engine", () => {
  test.each([
    ["unix:///var/run/docker.sock", undefined],
    ["ssh://gpu1.lan", "gpu1.lan"],
    ["ssh://admin@gpu1.lan:2222", "gpu1.lan"],
    ["ssh://a.b@10.0.0.7", "10.0.0.7"],
    ["tcp://10.0.0.7:2376", "10.0.0.7"],
  ])("%s: %s", (endpoint, host) => {
    expect(engineHost(endpoint)).toBe(host);
  });
});

describe("the key of an engine", () => {
  test("is readable, and the whole endpoint decides", () => {
    expect(
      [
        "unix:///var/run/docker.sock",
        "unix:///run/user/1000/docker.sock",
        "ssh://gpu1.lan",
        "ssh://admin@gpu1.lan",
        "ssh://admin@gpu1.lan:22",
        "tcp://GPU_1.lan:2376",
      ].map(names.engineKey),
    ).toEqual([
      "local",
      "socket-62290c",
      "gpu1-lan-75e3c7",
      "gpu1-lan-d4ea23",
      "gpu1-lan-de3448",
      "gpu-1-lan-dd5db2",
    ]);
  });

  test("of any two engines differs, and fits a resource's name", () => {
    const endpoint = fc.oneof(
      fc.stringMatching(/^ssh:\/\/([a-z]{1,5}@)?[A-Za-z0-9][\w.-]{0,20}(:\d{1,5})?$/),
      fc.stringMatching(/^unix:\/\/\/[\w./-]{1,20}$/),
    );
    fc.assert(
      fc.property(endpoint, endpoint, (a, b) => {
        expect(names.engineKey(a)).toMatch(/^[a-z0-9-]+$/);
        fc.pre(a !== b);
        expect(names.engineKey(a)).not.toBe(names.engineKey(b));
      }),
    );
  });
});

test("hashes are SHA-256, as long as asked", () => {
  expect(shortHash("abc")).toBe("ba7816");
  expect(shortHash("abc", 16)).toBe("ba7816bf8f01cfea");
});
