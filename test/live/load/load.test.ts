// The load generator sees what there is to see: every kind of failure by its name, and no other.
import { afterEach, beforeEach, expect, test } from "vitest";

import type { Answer } from "../../behaviour/harness/toy-answers.ts";
import { ToyNode } from "../../behaviour/harness/toy-node.ts";
import { LiveLoad } from "./live-load.ts";
import type { ClientGroup, LiveOutcome } from "./load-process.ts";
import { observe } from "../observed.ts";

let toy: ToyNode;
beforeEach(async () => {
  toy = await ToyNode.start({ name: "toy", address: "127.0.0.1" });
});
afterEach(() => toy[Symbol.asyncDispose]());

const GROUP: ClientGroup = {
  clients: 2,
  everySeconds: 0.05,
  model: "toy",
  stream: true,
  tokens: 1,
  deadlineSeconds: 60,
};

/** What clients see of a server that answers like this, as the kinds of ends that there were. */
async function seen(
  answer: Answer,
  more: Partial<ClientGroup> = {},
): Promise<Record<string, number>> {
  toy.answer = answer;
  const began = Date.now();
  const load = await LiveLoad.start({
    url: `http://127.0.0.1:${toy.port}`,
    groups: [{ ...GROUP, ...more }],
  });
  try {
    await load.more(4);
    const { requests, errors, broken, failures } = observe(await load.stop(), began);
    // Node names a reset within an answer by what it notices first.
    const words = Object.entries(failures).map(([text, count]) => [
      text.replace(/(?<=in the stream.*)(aborted|read ECONNRESET)$/, "reset"),
      count,
    ]);
    expect(requests).toBeGreaterThanOrEqual(4);
    expect([0, requests]).toContain(errors);
    expect([0, requests]).toContain(broken);
    return { good: requests - errors - broken, errors, broken, ...Object.fromEntries(words) };
  } finally {
    await load[Symbol.asyncDispose]();
  }
}

const all = (kind: "good" | "errors" | "broken", what: string) => ({
  good: kind === "good" ? expect.any(Number) : 0,
  errors: kind === "errors" ? expect.any(Number) : 0,
  broken: kind === "broken" ? expect.any(Number) : 0,
  ...(what ? { [`${what}`]: expect.any(Number) } : {}),
});

test("an answer to its end is good", async () => {
  expect(await seen({ kind: "ok" })).toEqual(all("good", ""));
});

test("a stream that is reset in its middle is broken", async () => {
  const answer: Answer = { kind: "tokens", count: 9, everyMs: 10, breakAfter: 3 };
  expect(await seen(answer)).toEqual(all("broken", 'in the stream, node "": reset'));
});

test("a stream that ends without its last line is broken", async () => {
  expect(await seen({ kind: "tokens", count: 2, everyMs: 5 })).toEqual(
    all(
      "broken",
      'in the stream, node "": ended without "done": {"response":"token 1","done":false}',
    ),
  );
});

test("a stream that stops for good is broken at the deadline", async () => {
  const answer: Answer = { kind: "tokens", count: 2, everyMs: 60_000 };
  expect(await seen(answer, { deadlineSeconds: 2 })).toEqual(
    all("broken", 'in the stream, node "": not complete within 2 s'),
  );
});

test("another status than 200 is an error before the first byte", async () => {
  expect(await seen({ kind: "status", status: 503, body: "{}" })).toEqual(
    all("errors", 'before the first byte, node "": status 503 {}'),
  );
});

test("a reset without an answer is an error before the first byte", async () => {
  expect(await seen({ kind: "reset" })).toEqual(
    all("errors", 'before the first byte, node "": read ECONNRESET'),
  );
});

test("no answer at all is an error at the deadline", async () => {
  expect(await seen({ kind: "hang" }, { deadlineSeconds: 1 })).toEqual(
    all("errors", 'before the first byte, node "": not complete within 1 s'),
  );
});

test("a late first byte is slow, and clean is after the last of what was late or failed", () => {
  const at = (began: number, firstByte: number, ended: number): LiveOutcome => ({
    node: "a",
    status: 200,
    began,
    firstByte,
    ended,
    stream: true,
  });
  const failed: LiveOutcome = {
    ...at(2_000, 2_001, 2_500),
    failure: { when: "in the stream", what: "aborted" },
  };
  const { slow, broken, secondsToClean, served } = observe(
    [at(1_000, 7_000, 8_000), failed, at(9_000, 9_001, 9_100)],
    1_500,
  );
  expect({ slow, broken, secondsToClean, served }).toEqual({
    slow: 1,
    broken: 1,
    secondsToClean: 6.5,
    served: { a: 2 },
  });
});
