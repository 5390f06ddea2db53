// What of the steps needs no engine.
import { describe, expect, test, vi } from "vitest";

import { NGINX_USER } from "../../../templates/nginx-layout.ts";
import { explainUnreachable } from "../../../steps/engine/unreachable.ts";
import { table } from "../../../steps/hosts/hosts.ts";
import { canonicalModel } from "../../../steps/models/model-store.ts";
import { run } from "../../../steps/run.ts";
import { sshDestination } from "../../../config/net/engine-endpoint.ts";
import { StepError } from "../../../steps/step-error.ts";
import { DeadlineError, until, waiting } from "../../../steps/until.ts";

describe("the full name of a model", () => {
  test.each([
    ["llama3.2", "llama3.2:latest"],
    ["llama3.2:3b", "llama3.2:3b"],
    ["user/model", "user/model:latest"],
    ["registry.lan:5000/user/model", "registry.lan:5000/user/model:latest"],
    ["registry.lan:5000/user/model:1", "registry.lan:5000/user/model:1"],
    ["http://registry.lan:5000/user/model", "registry.lan:5000/user/model:latest"],
    ["https://hf.co/user/model:Q4_K_M", "hf.co/user/model:Q4_K_M"],
  ])("%s: %s", (name, full) => {
    expect(canonicalModel(name)).toBe(full);
  });
});

describe("waiting", () => {
  test("ends with the first result, however falsy, after as many looks as it takes", async () => {
    const look = vi
      .fn<() => Promise<false | ReturnType<typeof waiting>>>()
      .mockResolvedValueOnce(waiting("one"))
      .mockResolvedValueOnce(waiting("two"))
      .mockResolvedValueOnce(false);
    await expect(until("it", 5, look)).resolves.toBe(false);
    expect(look).toHaveBeenCalledTimes(3);
  });

  test("looks once even when there is no time", async () => {
    await expect(until("it", 0, () => Promise.resolve("there"))).resolves.toBe("there");
  });

  test("ends at the deadline with what was waited for, how long, and what was seen last", async () => {
    const look = vi
      .fn<() => Promise<ReturnType<typeof waiting>>>()
      .mockResolvedValueOnce(waiting("connection refused"))
      .mockResolvedValue(waiting("status 503"));
    const error = await until("GET http://a", 0.1, look).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(DeadlineError);
    expect(error).toHaveProperty("message", "GET http://a: not within 0.1 s (last: status 503)");
  });

  test("ends at once with what the look throws", async () => {
    const look = vi.fn(() => Promise.reject(new StepError("gone")));
    await expect(until("it", 60, look)).rejects.toThrow(new StepError("gone"));
    expect(look).toHaveBeenCalledTimes(1);
  });
});

test("a step that this version does not have is named", async () => {
  await expect(run("nonsense" as "ready")).rejects.toThrow(
    "ollama-mesh has no step nonsense; has it been downgraded?",
  );
});

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

test("the table of hosts has a line each, what is not known left open", () => {
  const fine = {
    endpoint: "ssh://gpu1",
    reached: true,
    problems: [],
    engine: "28.5.2",
    api: "1.51",
  };
  expect(
    table([
      {
        ...fine,
        architecture: "x86_64",
        memoryGiB: 31.2,
        freeGiB: 70.6,
        gpus: "nvidia",
        clockSeconds: -2,
      },
      { ...fine, endpoint: "tcp://gpu20:2376", problems: ["a", "b"], clockSeconds: 0 },
      { endpoint: "ssh://gpu3", reached: false, problems: ["off"] },
    ]),
  ).toEqual([
    "host              docker  api   machine  memory  disk left  gpus    clock",
    "ssh://gpu1        28.5.2  1.51  x86_64   31 GiB  71 GiB     nvidia  -2 s   ok",
    "tcp://gpu20:2376  28.5.2  1.51  -        -       -          -       +0 s   2 problems",
    "ssh://gpu3        -       -     -        -       -          -       -      not reached",
  ]);
});

test("nginx runs as the official image's user, which is not root", () => {
  expect(NGINX_USER).toBe("101:101");
});
