import { expect, test } from "vitest";

import { HASH_MARK } from "../../templates/slots.ts";
import { confDiff } from "./conf-diff.ts";

const conf = (hash: string, ...settings: string[]) => ({
  conf: [
    "http {",
    "    map $a $b {",
    "        default x;",
    "    }",
    "    server {",
    "        listen 80;",
    ...settings.map((setting) => `        ${setting};`),
    `        return 200 ${hash};`,
    "    }",
    "}",
    "",
  ].join("\n"),
  hash,
});
const diff = (from: string[], to: string[]) =>
  confDiff(["plain", "own"], conf("0001", ...from), conf("0002", ...to));

test("a difference names the blocks that its first line is in, and says nothing of the hash", () => {
  expect(diff(["gzip on"], ["gzip off", "internal"])).toBe(`--- plain
+++ own
@@ http @@
     server {
         listen 80;
-        gzip on;
+        gzip off;
+        internal;
         return 200 ${HASH_MARK};
     }
`);
});

test("two configs that differ in their hash only have no difference", () => {
  expect(diff(["gzip on"], ["gzip on"])).toBe("--- plain\n+++ own\n");
});

test("what both have alike changes nothing away from it", () => {
  const far = ["set $a 1", "set $a 2", "set $a 3"];
  expect(diff(["pcre_jit on", ...far, "gzip on"], ["pcre_jit on", ...far, "gzip off"])).toBe(
    diff([...far, "gzip on"], [...far, "gzip off"]),
  );
});
