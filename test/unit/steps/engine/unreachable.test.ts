import { describe, expect, test } from "vitest";

import { sshDestination } from "../../../../config/net/engine-endpoint.ts";
import { explainUnreachable } from "../../../../steps/engine/unreachable.ts";

describe("an engine that is not reached", () => {
  const behindSsh = (stderr: string) =>
    `error during connect: Get "http://docker.example.com/v1.41/version": command [ssh -o ConnectTimeout=30 -T -l ops -- gpu1 docker system dial-stdio] has exited with exit status 255, make sure the URL is valid, and Docker 18.09 or later is installed on the remote host: stderr=${stderr}`;
  test.each<[string, string, RegExp]>([
    [
      "unknown key",
      "Host key verification failed.\r\n",
      /is not known; run {2}ssh -p 2222 ops@gpu1 {2}once/,
    ],
    [
      "other key",
      "@@@@\n@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed.\r\n",
      /ssh-keygen -R '\[gpu1\]:2222'/,
    ],
    [
      "wrong login",
      "ops@gpu1: Permission denied (publickey).\r\n",
      /until {2}ssh -p 2222 ops@gpu1 true {2}works/,
    ],
    [
      "wrong name",
      "ssh: Could not resolve hostname gpu1: Name or service not known",
      /is not known; correct `host`/,
    ],
    [
      "off",
      "ssh: connect to host gpu1 port 2222: No route to host",
      /does not answer; switch it on/,
    ],
    ["no sshd", "ssh: connect to host gpu1 port 2222: Connection refused", /no sshd answers there/],
    ["busy", "kex_exchange_identification: Connection closed by remote host", /MaxStartups/],
    [
      "too many keys",
      "Received disconnect from 10.0.0.7 port 2222:2: Too many authentication failures",
      /until {2}ssh -p 2222 ops@gpu1 true {2}works/,
    ],
    ["another reason", "Bad configuration option: foo", /is not reached; mend what docker says/],
    ["no docker", "bash: line 1: docker: command not found", /install Docker there/],
  ])("%s: the message names it, the way out and what docker says", (_, stderr, wayOut) => {
    const message = explainUnreachable("ssh://ops@gpu1:2222", behindSsh(stderr)) ?? "";
    expect(message).toMatch(/^Docker engine ssh:\/\/ops@gpu1:2222: /);
    expect(message).toMatch(wayOut);
    expect(message.split("\n  docker says: ")[1]).toBe(stderr.trim().split(/\r?\n/).at(-1));
  });

  test("is not what a program in a container says", () => {
    const said = "dial tcp 10.0.0.1:443: connect: connection refused";
    expect(explainUnreachable("ssh://gpu1", said)).toBeUndefined();
  });

  test.each([
    ["ssh://gpu1", ["gpu1"]],
    ["ssh://ops@gpu1", ["ops@gpu1"]],
    ["ssh://ops@gpu1:2222", ["-p", "2222", "ops@gpu1"]],
    ["tcp://gpu1:2376", undefined],
    ["unix:///var/run/docker.sock", undefined],
  ])("%s is logged in to by ssh %j", (endpoint, words) => {
    expect(sshDestination(endpoint)).toEqual(words);
  });
});
