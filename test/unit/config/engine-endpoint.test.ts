import { describe, expect, test } from "vitest";

import { parseEndpoint } from "../../../config/net/engine-endpoint.ts";

describe("an engine's endpoint is taken apart", () => {
  test.each([
    ["unix:///var/run/docker.sock", { kind: "unix", path: "/var/run/docker.sock" }],
    ["ssh://gpu1.lan", { kind: "ssh", host: "gpu1.lan" }],
    ["ssh://a.b@10.0.0.7", { kind: "ssh", user: "a.b", host: "10.0.0.7" }],
    ["ssh://ops@gpu1:2222", { kind: "ssh", user: "ops", host: "gpu1", port: "2222" }],
    ["ssh://GPU_1:022", { kind: "ssh", host: "GPU_1", port: "022" }],
    ["tcp://10.0.0.7:2376", { kind: "tcp", host: "10.0.0.7", port: "2376" }],
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
    "ssh://gpu1/run/docker.sock",
    "ssh://a@b@gpu1",
    "ssh://$(id)",
    "tcp://10.0.0.7",
    "tcp://root@10.0.0.7:2376",
    "tcp://10.0.0.7:2376\n",
    " ssh://gpu1",
  ])("%j is none", (text) => {
    expect(parseEndpoint(text)).toBeUndefined();
  });
});
