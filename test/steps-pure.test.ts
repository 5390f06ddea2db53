// What of the steps needs no engine.
import { describe, expect, test, vi } from "vitest";

import { NGINX_USER } from "../steps/volume-helper.ts";
import { dockerEnvironment } from "../steps/docker-engine.ts";
import { canonicalModel } from "../steps/models.ts";
import { run } from "../steps/run.ts";
import { StepError } from "../steps/step-error.ts";
import { DeadlineError, until, waiting } from "../steps/until.ts";

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

test("docker commands are not sent to another engine by the environment", () => {
  vi.stubEnv("DOCKER_HOST", "tcp://elsewhere:2375");
  vi.stubEnv("DOCKER_CONTEXT", "elsewhere");
  vi.stubEnv("SSH_AUTH_SOCK", "/run/agent");
  const environment = dockerEnvironment();
  expect(environment).not.toHaveProperty("DOCKER_HOST");
  expect(environment).not.toHaveProperty("DOCKER_CONTEXT");
  expect(environment["SSH_AUTH_SOCK"]).toBe("/run/agent");
});

test("nginx runs as the official image's user, which is not root", () => {
  expect(NGINX_USER).toBe("101:101");
});
