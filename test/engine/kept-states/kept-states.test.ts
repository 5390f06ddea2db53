// Stacks that f164149 brought up and exported, each with its config (the passphrase is that of the tests' stacks, the
// keys in them are made for this). sourcePosition and stackTrace are left out: they name paths of one machine.
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";

import { expect, test } from "vitest";

import { pulumi } from "../support/pulumi.ts";
import { CHECKOUT } from "../support/stack.ts";

const KEPT = import.meta.dirname;

test.each([
  ["lab", "kept-lab", "three nodes with weights and a backup", []],
  // With cpus: 1, which f164149 told Docker in a form that it replaced the container for in every `up`.
  [
    "front",
    "kept-front",
    "keys, TLS, networks, limits, cookie",
    ["update ollama-mesh-kept-front-one-turn"],
  ],
  ["lan", "lan", "four machines over ssh, one node behind its guard, one not managed", []],
])(
  "of the stack %s of an earlier version no container is touched",
  async (folder, stack, _, touched) => {
    await using restored = await restore(folder, stack);
    const { output, changes } = await restored.preview();
    expect(changes, output).toEqual(touched);
  },
);

test("a setting that differs from the kept stack's is a change, so that none means something", async () => {
  await using restored = await restore("lab", "kept-lab");
  await restored.edit((config) => config.replace("weight: 2", "weight: 3"));
  const { changes } = await restored.preview();
  expect(changes).toEqual(["update ollama-mesh-kept-lab-one-admission"]);
});

/** A stack made of what was kept, in a folder of its own. Nothing of it exists anywhere. */
async function restore(folder: string, stack: string) {
  const home = await mkdtemp(join(tmpdir(), "ollama-mesh-kept-"));
  const state = join(home, "state.json");
  const config = join(home, `Pulumi.${stack}.yaml`);
  await mkdir(join(home, "backend"));
  await writeFile(state, gunzipSync(await readFile(join(KEPT, folder, "state.json.gz"))));
  await copyFile(join(KEPT, folder, "stack.yaml"), config);
  await copyFile(join(CHECKOUT, "Pulumi.yaml"), join(home, "Pulumi.yaml"));
  const env = {
    ...process.env,
    PULUMI_BACKEND_URL: `file://${join(home, "backend")}?metadata=skip`,
    PULUMI_CONFIG_PASSPHRASE: "of a test",
    PULUMI_DEBUG_COMMANDS: "true",
  };
  const run = async (args: string[], cwd = home) => {
    const ran = await pulumi(args, { cwd, env, folder: home });
    expect(ran.code, ran.output).toBe(0);
    return ran;
  };
  await run(["stack", "init", stack]);
  await copyFile(join(KEPT, folder, "stack.yaml"), config); // init gave it a salt of its own
  await run(["stack", "import", "--stack", stack, "--file", state]);
  return {
    edit: async (change: (config: string) => string) =>
      writeFile(config, change(await readFile(config, "utf8"))),
    preview: () => run(["preview", "--stack", stack, "--config-file", config], CHECKOUT),
    [Symbol.asyncDispose]: () => rm(home, { recursive: true, force: true }),
  };
}
