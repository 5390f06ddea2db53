import { execFile } from "node:child_process";
import { promisify } from "node:util";

import { expect, test, vi } from "vitest";

import { freePort, heldPort } from "../../engine/support/port.ts";

const PORT_TS = new URL("../../engine/support/port.ts", import.meta.url).href;
const COUNT = 20;

/** Ports that another process is given; it begins to look where this one does. */
async function portsOfAnother(): Promise<number[]> {
  const program = `
    import { freePort } from ${JSON.stringify(PORT_TS)};
    Math.random = () => ${Math.random()};
    const ports = await Promise.all(Array.from({ length: ${COUNT} }, () => freePort()));
    console.log(JSON.stringify(ports));`;
  const { stdout } = await promisify(execFile)(process.execPath, [
    "--input-type=module",
    "--eval",
    program,
  ]);
  return JSON.parse(stdout) as number[];
}

test("no port is given twice, to this process or another, nor one that Linux gives to connections", async () => {
  vi.spyOn(Math, "random").mockReturnValue(0.5);
  const own = await Promise.all(Array.from({ length: COUNT }, () => freePort()));
  const others = await portsOfAnother();
  expect(new Set([...own, ...others]).size).toBe(2 * COUNT);
  expect(Math.max(...own, ...others)).toBeLessThan(32_768);
});

test("a port on which somebody listens is not given", async () => {
  const [port] = await portsOfAnother();
  await using _taken = await heldPort(port);
  vi.spyOn(Math, "random").mockReturnValue((port! + 0.5 - 20_000) / 12_000);
  expect(await freePort()).not.toBe(port);
});
