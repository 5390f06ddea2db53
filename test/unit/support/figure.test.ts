import { beforeAll, describe, expect, test } from "vitest";

import { figure, inSeconds } from "../../support/report/figure.ts";

describe("a figure", () => {
  let outside: unknown;
  beforeAll(() => {
    try {
      figure("fresh up", "9.1 s");
    } catch (error) {
      outside = error;
    }
  });

  test("is kept where the reporter finds it, in the order in which it was taken", ({ task }) => {
    figure("fresh up", inSeconds(9.123));
    figure("sent", "12 bytes");
    expect(task.meta.figures).toEqual([
      { title: "fresh up", value: "9.1 s" },
      { title: "sent", value: "12 bytes" },
    ]);
    delete task.meta.figures; // nothing was measured
  });

  test("is refused outside of a test, where it would be lost", () => {
    expect(outside).toEqual(new Error('figure "fresh up" belongs into a test'));
  });
});
