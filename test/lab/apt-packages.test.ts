import { readFileSync } from "node:fs";
import { join } from "node:path";

import { afterEach, expect, test, vi } from "vitest";

import { ensureAptPackages } from "../../lab/apt-packages.mjs";
import { standIns } from "./stand-in.ts";

afterEach(() => vi.restoreAllMocks());

const NEEDS = [
  { has: "sh", apt: "dash" },
  { has: ["/no/such/file", "no-such-program"], apt: "missing-package" },
];

test("root gets exactly the missing packages installed", async () => {
  const notes = standIns({ "apt-get": 'echo "$*" >> $NOTES/calls' });
  vi.spyOn(process, "getuid").mockReturnValue(0);
  await ensureAptPackages("a test", NEEDS);
  expect(readFileSync(join(notes, "calls"), "utf8").split("\n")).toEqual([
    "update",
    "install --yes --no-install-recommends missing-package",
    "",
  ]);
});

test("other users are told the command that root has to run", async () => {
  standIns({ "apt-get": "exit 1" });
  vi.spyOn(process, "getuid").mockReturnValue(1000);
  await expect(ensureAptPackages("a test", NEEDS)).rejects.toThrow(
    "a test needs packages that only root can install. Run this first:\n" +
      "  sudo apt-get update && sudo apt-get install --no-install-recommends missing-package",
  );
});

test("what apt says is in the error", async () => {
  standIns({ "apt-get": "echo E: no space left >&2; exit 100" });
  vi.spyOn(process, "getuid").mockReturnValue(0);
  await expect(ensureAptPackages("a test", NEEDS)).rejects.toThrow(
    /^apt could not install missing-package.*E: no space left/s,
  );
});

test("nothing runs when everything is there", async () => {
  standIns({ "apt-get": "exit 1" });
  await ensureAptPackages("a test", [{ has: "sh", apt: "dash" }]);
});
