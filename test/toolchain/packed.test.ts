// What `npm pack` takes along of a checkout that was just built.
import { globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { afterAll, beforeAll, expect, test } from "vitest";

import * as components from "../../components/index.ts";
import { run } from "../../toolchain/command.mjs";
import { secondCheckout } from "../engine/support/checkout.ts";

interface PackedFile {
  path: string;
  /** As chmod writes it. */
  mode: number;
}

let checkout: Awaited<ReturnType<typeof secondCheckout>>;
let files: PackedFile[];
let paths: string[];

beforeAll(async () => {
  checkout = await secondCheckout();
  const pack = ["pack", "--dry-run", "--json", "--ignore-scripts"];
  const [packed] = JSON.parse(await run("npm", pack, { cwd: checkout.folder })) as [
    { files: PackedFile[] },
  ];
  files = packed.files;
  paths = files.map(({ path }) => path);
}, 300_000);
afterAll(() => checkout?.[Symbol.asyncDispose]());

test("the package has every script that is read, beside what reads it", () => {
  const { folder } = checkout;
  const scripts = globSync("{components,steps}/**/*.{sh,pl}", { cwd: folder });
  expect(scripts).toContain(join("steps", "models", "copy-model.sh"));
  const built = scripts.map((script) => join("dist", script));
  expect(paths.filter((path) => built.includes(path)).sort()).toEqual(built.sort());
  for (const script of scripts) {
    const [source, copy] = [script, join("dist", script)].map((file) =>
      readFileSync(join(folder, file), "utf8"),
    );
    expect(copy).toBe(source);
  }
});

test("it has nothing but what is compiled, the plugin, and what people read", () => {
  const docs = globSync("docs/**/*.*", { cwd: checkout.folder });
  expect(paths.filter((path) => path.startsWith("docs/")).toSorted()).toEqual(docs.toSorted());
  expect(paths.filter((path) => !/^(dist|docs)\//.test(path)).toSorted()).toEqual([
    "CHANGELOG.md",
    "LICENSE",
    "README.md",
    "examples/automation/index.mjs",
    "examples/go/Pulumi.yaml",
    "examples/go/go.mod",
    "examples/go/main.go",
    "examples/python/Pulumi.yaml",
    "examples/python/__main__.py",
    "examples/python/requirements.txt",
    "examples/typescript/Pulumi.yaml",
    "examples/typescript/index.mts",
    "examples/yaml/Pulumi.yaml",
    "package.json",
    "pulumi-plugin/PulumiPlugin.yaml",
    "pulumi-plugin/index.js",
    "pulumi-plugin/node-version.js",
    "pulumi-plugin/package.json",
    "pulumi-plugin/pulumi-resource-ollama-mesh",
    "pulumi-policy/PulumiPolicy.yaml",
    "pulumi-policy/index.js",
    "pulumi-policy/ollama-mesh-policy",
    "pulumi-policy/package.json",
    "schema.json",
  ]);
  expect(paths.filter((path) => /^dist\/.*(?<!\.d)\.ts$|tsconfig/.test(path))).toEqual([]);
});

test.each(["pulumi-plugin/pulumi-resource-ollama-mesh", "pulumi-policy/ollama-mesh-policy"])(
  "Pulumi may start %s, from a folder in which it has nothing to install",
  (program) => {
    // Where Pulumi takes a plugin from a folder, it runs npm there: in the package itself that would be all its sources need.
    const found = files.find(({ path }) => path === program);
    expect(found?.mode.toString(8)).toMatch(/755$/);
    const manifest = readFileSync(join(checkout.folder, dirname(program), "package.json"), "utf8");
    expect(Object.keys(JSON.parse(manifest) as object)).not.toContain("dependencies");
  },
);

test("import and require() give the same classes, and the choices", async () => {
  const program = `
    const required = require("ollama-mesh");
    import("ollama-mesh").then((imported) => console.log(JSON.stringify({
      names: Object.keys(required).filter((name) => name !== "__esModule"),
      same: imported.OllamaMesh === required.OllamaMesh,
    })));`;
  const said = await run("node", ["-e", program], { cwd: checkout.folder });
  const { names, same } = JSON.parse(said) as { names: string[]; same: boolean };
  expect(names.toSorted()).toEqual(Object.keys(components).toSorted());
  expect(same).toBe(true);
});
