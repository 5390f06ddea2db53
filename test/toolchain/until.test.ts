import { describe, expect, it } from "vitest";

import { GiveUp, until } from "../../toolchain/until.mjs";

const SOON = { seconds: 10, everyMs: 1 };

/** A probe that goes through these, one a look, and counts. */
function probing(...looks: (() => unknown)[]) {
  const probe = { looks: 0, look: async () => looks[Math.min(probe.looks++, looks.length - 1)]!() };
  return probe;
}
const throws = (error: unknown) => () => {
  throw error;
};

describe("until", () => {
  it.each(["there", 0, "", null])("returns %j after as many looks as it takes", async (value) => {
    const probe = probing(
      () => undefined,
      () => false,
      throws(new Error("refused")),
      () => value,
    );
    expect(await until("it", probe.look, SOON)).toBe(value);
    expect(probe.looks).toBe(4);
  });

  it("looks once even with no time left", async () => {
    expect(await until("it", async () => "there", { seconds: 0 })).toBe("there");
  });

  it("says at the deadline what was waited for, how long, and what the last probe threw", async () => {
    const limits = { seconds: 0.02, everyMs: 1 };
    const silent = probing(throws(new Error("refused")), () => undefined);
    await expect(until("answer", silent.look, limits)).rejects.toThrow(
      new Error("no answer within 0.02 s: the probe gave nothing"),
    );
    const failing = probing(() => undefined, throws(new Error("refused")));
    await expect(until("answer", failing.look, limits)).rejects.toThrow(
      new Error("no answer within 0.02 s: refused"),
    );
  });

  it.each<[string, () => unknown]>([
    ["a TypeError", () => (undefined as unknown as { missing: string[] }).missing.length],
    ["a ReferenceError", throws(new ReferenceError("x is not defined"))],
    ["a failed assertion", () => expect(1).toBe(2)],
    ["what gives up", throws(new GiveUp("it has ended"))],
  ])("hands on %s at once: waiting would not mend it", async (_, look) => {
    const probe = probing(look);
    const thrown: unknown = await probing(look)
      .look()
      .catch((error: unknown) => error);
    await expect(until("it", probe.look, SOON)).rejects.toEqual(thrown);
    expect(probe.looks).toBe(1);
  });

  it("goes on when fetch reaches nobody, which it reports as a TypeError", async () => {
    const refused: unknown = await fetch("http://127.0.0.1:2").catch((error) => error);
    expect(refused).toBeInstanceOf(TypeError);
    const probe = probing(throws(refused), () => "up");
    expect(await until("answer", probe.look, SOON)).toBe("up");
    expect(probe.looks).toBe(2);
  });
});
