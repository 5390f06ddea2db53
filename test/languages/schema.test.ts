// What Pulumi's own command says of schema.json, from which it makes the SDKs of all languages.
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, test } from "vitest";

import { type CommandError, run } from "../../toolchain/command.mjs";
import { ensureLanguages } from "../../toolchain/languages.mjs";
import { CHECKOUT } from "../engine/support/stack.ts";

test("schema.json passes Pulumi's own check, and one with a dead reference would not", async () => {
  const env = await ensureLanguages();
  const check = (file: string) => run("pulumi", ["schema", "check", file], { env });
  const schema = join(CHECKOUT, "schema.json");
  expect(await check(schema)).toBe("");

  const folder = await mkdtemp(join(tmpdir(), "ollama-mesh-schema-"));
  try {
    const broken = join(folder, "schema.json");
    const text = await readFile(schema, "utf8");
    await writeFile(
      broken,
      text.replace("#/types/ollama-mesh:index:Gpu", "#/types/ollama-mesh:index:Gone"),
    );
    const said = await check(broken).catch((error: CommandError) => error.output);
    expect(said).toContain("ollama-mesh:index:Gone");
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
