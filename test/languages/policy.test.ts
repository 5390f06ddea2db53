// The policy pack, as users give it to Pulumi: over a program in TypeScript, and one in YAML.
import { readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

import { afterAll, beforeAll, expect, test } from "vitest";

import { run } from "../../toolchain/command.mjs";
import { model } from "../engine/support/lab.ts";
import { Example, packedPackage, VERSION, type Language } from "./example.ts";

const IN_PACKAGE = "./node_modules/ollama-mesh/pulumi-policy";
const OPEN = "whoever reaches 0.0.0.0:PORT may use the mesh; declare balancer.access.apiKeys";
const PLAIN = "API keys go to 0.0.0.0:PORT as plain text; declare balancer.tls";

let tarball: string;
beforeAll(async () => {
  tarball = await packedPackage();
});
afterAll(async () => {
  if (tarball) await rm(dirname(tarball), { recursive: true, force: true });
});

/** How the balancer of an example is told to listen for everybody, and then to ask for a key. */
const CHANGES: Record<string, [file: string, open: [string, string], keys: [string, string]]> = {
  typescript: [
    "index.mts",
    ["listen: { ", 'listen: { address: "0.0.0.0", '],
    [
      "balancer: { ",
      'balancer: { access: { apiKeys: [{ name: "ada", key: "a-key-of-16-letters" }] }, ',
    ],
  ],
  yaml: [
    "Pulumi.yaml",
    ["listen: {", "listen: {address: 0.0.0.0, "],
    [
      "      balancer:\n",
      "      balancer:\n        access: { apiKeys: [{ name: ada, key: a-key-of-16-letters }] }\n",
    ],
  ],
};

test.each<[Language, string]>([
  ["typescript", IN_PACKAGE],
  ["typescript", `${IN_PACKAGE}/ollama-mesh-policy`],
  ["yaml", `${IN_PACKAGE}/ollama-mesh-policy`],
])(
  "%s with %s: passes as it is, not when it is open, nor with keys in plain text",
  async (language, pack) => {
    const config = { host: "unix:///var/run/docker.sock", gpus: "none", model: model() };
    await using example = await Example.create(language, tarball, config);
    const install = ["install", "--prefer-offline", "--no-audit", "--no-fund", "@pulumi/policy"];
    await run("npm", install, { cwd: example.folder });
    const [file, ...changes] = CHANGES[language]!;
    const change = async ([from, to]: [string, string]) => {
      const text = await readFile(join(example.folder, file), "utf8");
      expect(text).toContain(from);
      await writeFile(join(example.folder, file), text.replace(from, to));
    };
    const said = (text: string) => text.replace("PORT", `${example.port}`);

    const asItIs = await example.pulumi("preview", "--policy-pack", pack);
    expect(asItIs.output).toContain(`✅ ollama-mesh@v${VERSION}`);
    expect(asItIs.code).toBe(0);

    await change(changes[0]);
    const open = await example.pulumi("preview", "--policy-pack", pack);
    expect(open.output).toContain("[mandatory]  keys-beyond-loopback");
    expect(open.output).toContain(said(OPEN));
    expect(open.code).not.toBe(0);

    await change(changes[1]);
    const plain = await example.pulumi("preview", "--policy-pack", pack);
    expect(plain.output).toContain("[mandatory]  tls-with-keys");
    expect(plain.output).toContain(said(PLAIN));
    expect(plain.output).not.toContain("keys-beyond-loopback");
    expect(plain.code).not.toBe(0);
  },
);
