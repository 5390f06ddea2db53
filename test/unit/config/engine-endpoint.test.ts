import { describe, expect, test } from "vitest";

import {
  parseEndpoint,
  remoteSocket,
  sshDestination,
} from "../../../config/net/engine-endpoint.ts";

describe("an engine's endpoint is taken apart", () => {
  test.each([
    ["unix:///var/run/docker.sock", { kind: "unix", path: "/var/run/docker.sock" }],
    ["ssh://gpu1.lan", { kind: "ssh", host: "gpu1.lan" }],
    ["ssh://a.b@10.0.0.7", { kind: "ssh", user: "a.b", host: "10.0.0.7" }],
    ["ssh://ops@gpu1:2222", { kind: "ssh", user: "ops", host: "gpu1", port: "2222" }],
    ["ssh://GPU_1:022", { kind: "ssh", host: "GPU_1", port: "022" }],
    ["tcp://10.0.0.7:2376", { kind: "tcp", host: "10.0.0.7", port: "2376" }],
    ["tcp://[fd00::10]:2376", { kind: "tcp", host: "fd00::10", port: "2376" }],
    ["ssh://[::1]", { kind: "ssh", host: "::1" }],
    ["ssh://ops@[fd00::10]:2222", { kind: "ssh", user: "ops", host: "fd00::10", port: "2222" }],
    [
      "ssh://ops@gpu1/run/user/1000/docker.sock",
      { kind: "ssh", user: "ops", host: "gpu1", path: "/run/user/1000/docker.sock" },
    ],
    ["ssh://CORP%5Cbob@gpu1", { kind: "ssh", user: "CORP\\bob", host: "gpu1" }],
    ["ssh://bob@corp.lan@gpu1", { kind: "ssh", user: "bob@corp.lan", host: "gpu1" }],
    ["ssh://svc+docker@gpu1", { kind: "ssh", user: "svc+docker", host: "gpu1" }],
    [
      "unix:///Users/me/My Docker/run/docker.sock",
      { kind: "unix", path: "/Users/me/My Docker/run/docker.sock" },
    ],
  ])("%s", (text, endpoint) => {
    expect(parseEndpoint(text)).toStrictEqual(endpoint);
  });

  test.each([
    "",
    "gpu1.lan",
    "http://gpu1.lan:2376",
    "unix://var/run/docker.sock",
    "unix:///var/run/docker.sock;id",
    `unix:///${"a".repeat(101)}`,
    "ssh://",
    "ssh://-oProxyCommand=id",
    "ssh://-o@gpu1",
    "ssh://gpu1:",
    "ssh://gpu1:123456",
    "ssh://gpu1/",
    "ssh://gpu1/run/docker.sock;id",
    "ssh://a%@gpu1",
    "ssh://a%24(id)@gpu1",
    "ssh://a%20b@gpu1",
    "ssh://CORP\\bob@gpu1",
    "ssh://fd00::10",
    "ssh://[fd00::10",
    "ssh://[gpu1]",
    "tcp://[fd00::10]",
    "tcp://10.0.0.7:2376/run/docker.sock",
    "ssh://$(id)",
    "tcp://10.0.0.7",
    "tcp://root@10.0.0.7:2376",
    "tcp://10.0.0.7:2376\n",
    " ssh://gpu1",
  ])("%j is none", (text) => {
    expect(parseEndpoint(text)).toBeUndefined();
  });
});

test("ssh is told the user as the machine knows him, and docker there the socket", () => {
  const endpoint = "ssh://CORP%5Cbob@[fd00::10]:2222/run/user/1000/docker.sock";
  expect(sshDestination(endpoint)).toEqual(["-p", "2222", "CORP\\bob@fd00::10"]);
  expect(remoteSocket(endpoint)).toEqual(["--host", "unix:///run/user/1000/docker.sock"]);
  expect(remoteSocket("ssh://gpu1")).toEqual([]);
  expect(remoteSocket("unix:///run/docker.sock")).toEqual([]);
});
