import { readFileSync } from "node:fs";

import { describe, expect, test } from "vitest";

import { keepGuard, keepGuardArgs } from "../../../../steps/nodes/guard.ts";
import { StepError } from "../../../../steps/step-error.ts";
import { standInDocker } from "../../../support/stand-in-docker.ts";

const INPUT = {
  endpoint: "ssh://rack1",
  volume: "lab-a.guard",
  image: "nginx:1",
  files: { "server.key": "KEY", "nginx.conf": "CONF" },
};
const base64 = (text: string) => Buffer.from(text).toString("base64");

test("files are put into a guard's volume by a container that may give them away and nothing else", () => {
  const args = keepGuardArgs(INPUT);
  expect(args.slice(0, -4)).toEqual([
    ...["run", "--rm", "--interactive", "--network", "none", "--user", "0:0"],
    ...["--cap-drop", "ALL", "--cap-add", "CHOWN", "--security-opt", "no-new-privileges"],
    ...["--read-only", "--volume", "lab-a.guard:/etc/nginx/mesh"],
    ...["--entrypoint", "sh", "nginx:1", "-c"],
  ]);
  expect(args.slice(-3)).toEqual(["sh", "/etc/nginx/mesh", "101:101"]);
});

test("what is in them stands on its stdin, and in no argument", async () => {
  const { folder, commands } = standInDocker('cat >"$(dirname "$0")/stdin"');
  expect(await keepGuard(INPUT)).toEqual({ kept: ["server.key", "nginx.conf"] });
  expect(readFileSync(`${folder}/stdin`, "utf8")).toBe(
    `server.key ${base64("KEY")}\nnginx.conf ${base64("CONF")}\n`,
  );
  expect(commands().join()).not.toMatch(/KEY|CONF(?!IG)/);
});

describe("files that cannot be written", () => {
  test.each([
    [
      "base64: write error: No space left on device",
      "free some space there (docker system df shows what takes it)",
    ],
    ["chown: server.key.new: Operation not permitted", "mend that and run pulumi up again"],
  ])("%s", async (said, wayOut) => {
    standInDocker(`echo '${said}' >&2; exit 1`);
    await expect(keepGuard(INPUT)).rejects.toEqual(
      new StepError(
        `the guard's volume lab-a.guard on ssh://rack1 cannot be written: ${said}; ${wayOut}`,
      ),
    );
  });
});
