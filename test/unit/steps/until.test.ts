import { describe, expect, test, vi } from "vitest";

import { StepError } from "../../../steps/step-error.ts";
import { DeadlineError, until, waiting } from "../../../steps/until.ts";

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
