// Stacks that f164149 brought up and exported, each with its config (the passphrase is that of the tests' stacks, the
// keys in them are made for this). sourcePosition and stackTrace are left out: they name paths of one machine.
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";

import { describe, expect, test } from "vitest";

import { MIGRATED } from "../balancer/migrated.ts";
import { pulumi } from "../support/pulumi.ts";
import { CHECKOUT } from "../support/stack.ts";

const KEPT = import.meta.dirname;

const STACKS = [
  ["lab", "kept-lab", "three nodes with weights and a backup"],
  ["front", "kept-front", "keys, TLS, networks, limits, cookie"],
  ["lan", "lan", "four machines over ssh, one node behind its guard, one not managed"],
] as const;

/** What the balancer is told anew, and what is only looked at again: nothing of it touches a container. */
const HARMLESS = /^update \S+-(balancer-image|balancer-config|admission|turn)$/;

/** A guard has another config, which takes larger headers: it is replaced once, drained, beside its node's container. */
const GUARD = [
  "update lan3-guard",
  ...["create-replacement", "delete-replaced"].flatMap((change) =>
    // Its volume, named by what is in it, and its container.
    ["guard", "guard", "ready", "admission"].map((part) => `${change} lan3-${part}`),
  ),
].map((change) => change.replace(" ", " ollama-mesh-lan-"));

/** What else of a stack changes, by its folder. */
const MORE: Partial<Record<string, string[]>> = {
  // The file of keys has their forms for Basic authorisation, too; and a host's CPUs are compared with its nodes' limits.
  front: ["balancer-secrets", "local-preflight"].map(
    (part) => `update ollama-mesh-kept-front-${part}`,
  ),
  lan: GUARD,
};

/** What a stack with keys gets for what they use, where nginx counts it. */
const COUNTED: Partial<Record<string, string[]>> = {
  front: ["usage", "usage-owner"].map((part) => `create ollama-mesh-kept-front-balancer-${part}`),
};

const migrated = (stack: string): string[] =>
  MIGRATED.map((change) => change.replace("balancer", `ollama-mesh-${stack}-balancer`));

describe.each(STACKS)("of the stack %s of an earlier version", (folder, stack) => {
  test.each(["routing: plain", "health: verdict"])(
    "no container but the balancer's and a guard's is touched where nodes need not restart by themselves (%s)",
    async (setting) => {
      await using restored = await restore(folder, stack);
      await restored.edit((config) => withBalancer(config, setting));
      const { output, changes } = await restored.preview();
      expect(changes.filter((change) => !HARMLESS.test(change)).toSorted(), output).toEqual(
        [
          ...migrated(stack),
          ...(MORE[folder] ?? []),
          ...(setting === "routing: plain" ? [] : (COUNTED[folder] ?? [])),
        ].toSorted(),
      );
    },
  );

  test("the containers of its Ollama nodes are replaced, for their health check, and no other but the balancer", async () => {
    await using restored = await restore(folder, stack);
    const { changes } = await restored.preview();
    const nodes = { lab: ["one", "spare", "two"], front: ["one", "two"], lan: LAN_NODES }[folder];
    const replaced = changes
      .filter((change) => change.startsWith("create-replacement "))
      .map((change) => change.replace(/^\S+ ollama-mesh-(kept-)?(lab|front|lan)-/, ""))
      .filter((name) => !/-(ready|admission|guard|serving)$/.test(name));
    expect(replaced.sort()).toEqual(["balancer", ...nodes].sort());
  });
});

const LAN_NODES = ["lan2-a", "lan2-b", "lan3", "lan4-a", "lan4-b"];

/** The config of a stack with another setting of its balancer. */
const withBalancer = (config: string, setting: string) =>
  config.replace("ollama-mesh:balancer:\n", (line) => `${line}    ${setting}\n`);

test("a setting that differs from the kept stack's is a change, so that none means something", async () => {
  await using restored = await restore("lab", "kept-lab");
  await restored.edit((config) =>
    withBalancer(config, "routing: plain").replace("weight: 2", "weight: 3"),
  );
  const { changes } = await restored.preview();
  expect(changes).toContain("update ollama-mesh-kept-lab-one-admission");
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
