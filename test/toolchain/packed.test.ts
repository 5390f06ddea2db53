// What `npm pack` takes along of a checkout that was just built.
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

import { run } from "../../toolchain/command.mjs";
import { secondCheckout } from "../engine/support/checkout.ts";

test("the package has every script that a step reads, beside the compiled step", async () => {
  await using checkout = await secondCheckout();
  const { folder } = checkout;
  const scripts = globSync("steps/**/*.{sh,pl}", { cwd: folder });
  expect(scripts).toContain(join("steps", "models", "copy-model.sh"));
  const pack = ["pack", "--dry-run", "--json", "--ignore-scripts"];
  const [packed] = JSON.parse(await run("npm", pack, { cwd: folder })) as [
    { files: { path: string }[] },
  ];
  const paths = packed.files.map(({ path }) => path);
  const built = scripts.map((script) => join("dist", script));
  expect(paths.filter((path) => built.includes(path)).sort()).toEqual(built.sort());
  for (const script of scripts) {
    const [source, copy] = [script, join("dist", script)].map((file) =>
      readFileSync(join(folder, file), "utf8"),
    );
    expect(copy).toBe(source);
  }
  expect(paths.filter((path) => /^dist\/.*(?<!\.d)\.ts$/.test(path))).toEqual([]);
});
