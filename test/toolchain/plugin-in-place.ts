// Which plugin the toolchain put in place, and whether it is one of ours.
import { homedir } from "node:os";
import { join } from "node:path";

import type { TestContext } from "vitest";

import { run } from "../../toolchain/command.mjs";
import { ensureToolchain } from "../../toolchain/ensure.mjs";
import { PLUGINS } from "../../toolchain/versions.mjs";

export interface PluginInPlace {
  file: string;
  ours: boolean;
}

/** Skips a test of what only our own plugin does where another is in place, with that as the reason. */
export function requireOurs({ file, ours }: PluginInPlace, { skip }: Pick<TestContext, "skip">) {
  if (!ours) skip(`${file} is not ours`);
}

/** The official ones do not know `--version`, or say something else. */
export async function pluginInPlace(name: keyof typeof PLUGINS): Promise<PluginInPlace> {
  const home = (await ensureToolchain())["PULUMI_HOME"] ?? join(homedir(), ".pulumi");
  const folder = join(home, "plugins", `resource-${name}-v${PLUGINS[name]}`);
  const file = join(folder, `pulumi-resource-${name}`);
  const version = await run("timeout", ["5", file, "--version"]).catch(() => "");
  return { file, ours: version.includes("ollama-mesh's own") };
}
