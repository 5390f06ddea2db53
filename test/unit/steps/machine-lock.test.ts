import { expect, test } from "vitest";

import { withMachineLock } from "../../../steps/models/machine-lock.ts";

test("work of one name never overlaps, work of another does not wait, a failure frees the lock", async () => {
  const name = `lock-test-${process.pid}`;
  let inside = 0;
  let most = 0;
  const work = async () => {
    most = Math.max(most, ++inside);
    await new Promise((resolve) => setImmediate(resolve));
    inside--;
  };
  await Promise.all(Array.from({ length: 20 }, () => withMachineLock(name, work)));
  expect(most).toBe(1);
  await expect(withMachineLock(name, () => Promise.reject(new Error("no")))).rejects.toThrow("no");
  await withMachineLock(name, () => withMachineLock(`${name}-other`, work));
});
