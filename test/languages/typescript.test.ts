// What TypeScript makes of the package in users' programs: every mode of modules, old and new compilers.
import { mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

import { afterAll, beforeAll, expect, test } from "vitest";

import { run } from "../../toolchain/command.mjs";
import { ownFolder } from "../engine/support/leftovers.ts";
import { packedPackage } from "./example.ts";

const COMPILERS = ["5.0.4", "5.4.5", "5.8.3", "5.9.3", "6.0.3"];

/** The compiler options of a program, and how its file is called: .mts is an ES module, .ts what package.json says. */
const MODES: Record<string, [file: string, options: Record<string, unknown>]> = {
  "CommonJS, as templates of old": [
    "old.ts",
    { module: "commonjs", moduleResolution: "node", ignoreDeprecations: "6.0" },
  ],
  "node16, CommonJS": ["common16.ts", { module: "node16" }],
  "node16, ES module": ["module16.mts", { module: "node16" }],
  "nodenext, CommonJS, as the default template": ["common.ts", { module: "nodenext" }],
  "nodenext, ES module": ["module.mts", { module: "nodenext" }],
  bundler: ["bundled.ts", { module: "esnext", moduleResolution: "bundler" }],
};

/** One mistake, which only a compiler that has found the types sees. */
const PROGRAM = `import * as pulumi from "@pulumi/pulumi";
import { Algorithm, OllamaMesh, type NodeArgs } from "ollama-mesh";

const node: NodeArgs = { name: "a", weight: 2 };
const mesh = new OllamaMesh("chat", {
  nodes: [node],
  image: pulumi.output("ollama/ollama:0.32.15"),
  balancer: { algorithm: Algorithm.LeastConn, maxBodyMib: "64" },
});
export const endpoint: pulumi.Output<string> = mesh.endpoint;
`;

let folder: string;
beforeAll(async () => {
  const tarball = await packedPackage();
  folder = await ownFolder("consumers");
  await writeFile(join(folder, "package.json"), '{ "private": true, "type": "commonjs" }');
  const compilers = COMPILERS.map((version) => `typescript-${version}@npm:typescript@${version}`);
  const install = ["install", "--prefer-offline", "--no-audit", "--no-fund", "--legacy-peer-deps"];
  await run("npm", [...install, tarball, "@pulumi/pulumi", "@types/node@22", ...compilers], {
    cwd: folder,
  });
  await rm(dirname(tarball), { recursive: true });
}, 600_000);
afterAll(async () => {
  if (folder) await rm(folder, { recursive: true, force: true });
});

test.each(COMPILERS)(
  "TypeScript %s finds the types in every mode, and the one mistake",
  async (version) => {
    const compiler = join(folder, "node_modules", `typescript-${version}`, "lib/tsc.js");
    for (const [mode, [file, options]] of Object.entries(MODES)) {
      const own = { ...options };
      // Older compilers do not know what they will be asked to ignore.
      if (!version.startsWith("6.")) delete own["ignoreDeprecations"];
      await mkdir(join(folder, version), { recursive: true });
      await writeFile(join(folder, version, file), PROGRAM);
      const common = { strict: true, target: "es2022", noEmit: true, skipLibCheck: true };
      await writeFile(
        join(folder, version, "tsconfig.json"),
        JSON.stringify({ compilerOptions: { ...common, types: ["node"], ...own }, files: [file] }),
      );
      const said = await run("node", [compiler, "-p", join(folder, version)], { cwd: folder }).then(
        () => "nothing",
        (error: { output: string }) => error.output,
      );
      expect([mode, said.trim()]).toEqual([
        mode,
        `${version}/${file}(8,47): error TS2322: Type 'string' is not assignable to type 'number'.`,
      ]);
    }
  },
);
