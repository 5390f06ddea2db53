// Where the engine is told to look for the plugin of the resource that the mesh has of its own.
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { afterAll, beforeAll, expect, test } from "vitest";

import { downloadUrl } from "../../../plugin/provider.ts";

const OURS = "git://github.com/ollama-mesh/ollama-mesh";

let home: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "ollama-mesh-plugins-"));
});
afterAll(() => rm(home, { recursive: true, force: true }));

async function gitConfig(folder: string, url: string): Promise<URL> {
  const git = join(home, folder, ".git");
  await mkdir(git, { recursive: true });
  await writeFile(
    join(git, "config"),
    `[core]\n\tbare = false\n[remote "origin"]\n\turl = ${url}\n`,
  );
  return pathToFileURL(join(git, "config"));
}

test.each(["https://github.com/someone/ollama-mesh.git", "https://github.com/someone/ollama-mesh"])(
  "an installation from %s is known to the engine by that repository",
  async (url) => {
    const file = await gitConfig("plugins/resource-ollama-mesh-v0.1.0", url);
    expect(downloadUrl(file)).toBe("git://github.com/someone/ollama-mesh");
  },
);

test("a checkout, a folder of npm and a repository reached otherwise go by the schema", async () => {
  const https = "https://github.com/someone/ollama-mesh.git";
  expect(downloadUrl(await gitConfig("checkout", https))).toBe(OURS);
  expect(downloadUrl(pathToFileURL(join(home, "plugins/resource-x/none")))).toBe(OURS);
  const ssh = "git@github.com:someone/ollama-mesh.git";
  expect(downloadUrl(await gitConfig("plugins/resource-ollama-mesh-v0.2.0", ssh))).toBe(OURS);
});
