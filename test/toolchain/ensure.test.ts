import { mkdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { PLUGINS, PULUMI } from "../../toolchain/versions.mjs";
import { figure, inSeconds } from "../support/report/figure.ts";
import { Machine } from "./machine.ts";
import { FILES, Releases } from "./releases.ts";

/** Says where everything is that the toolchain puts in place. */
const SHOW = `echo "cli $(pulumi version)"
echo "host $(command -v pulumi-language-nodejs)"
echo "home \${PULUMI_HOME:-none}"
for plugin in "\${PULUMI_HOME:-$HOME/.pulumi}"/plugins/*/pulumi-resource-*; do echo "plugin $("$plugin")"; done
echo "acquisition \${PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION:-allowed}"
echo "credentials \${PULUMI_CREDENTIALS_PATH:-default}"`;

/** Stands for Go: writes down how it was called and makes the binaries. */
const FAKE_GO = `echo "$@" >> "$HOME/go-calls"
while [ "$1" != -o ]; do shift; done
case "$3" in
*/cmd/pulumi) names="pulumi" ;;
*) names="pulumi-resource-docker pulumi-resource-command" ;;
esac
for name in $names; do
  printf '#!/bin/sh\\necho built %s\\n' "$name" > "$2$name"
  chmod +x "$2$name"
done`;

let machine: Machine;
let releases: Releases;

beforeEach(async () => {
  machine = await Machine.create();
});
afterEach(async () => {
  await machine.remove();
});

describe("with the official host in reach", () => {
  beforeEach(async () => {
    releases = await Releases.serve();
    machine.env["OLLAMA_MESH_PULUMI_RELEASES"] = `${releases.url}/`;
  });
  afterEach(async () => {
    await releases.close();
  });

  it("uses its CLI, language host and plugins, and keeps them", async () => {
    const first = await machine.exec(SHOW);
    expect(first.output).toContain(`> Pulumi: official releases from ${releases.url}`);
    expect(first.stdout.split("\n")).toEqual([
      `cli v${PULUMI} official`,
      expect.stringMatching(
        /^host .*\/cache\/pulumi-official-[0-9a-f]{16}\/pulumi-language-nodejs$/,
      ),
      expect.stringMatching(/^home .*\/cache\/pulumi-home-[0-9a-f]{16}$/),
      "plugin official command",
      "plugin official docker",
      "acquisition allowed",
      "credentials default",
      "",
    ]);
    expect(new Set(releases.asked)).toEqual(new Set(Object.values(FILES)));
    expect(await machine.cached()).toEqual([
      "pulumi-home",
      "pulumi-official",
      "pulumi-official-command",
      "pulumi-official-docker",
    ]);

    releases.asked = [];
    const second = await machine.exec(SHOW);
    expect(second.stdout).toBe(first.stdout);
    expect(second.output).toBe(second.stdout);
    expect(releases.asked).toEqual([]);
  });

  it.each(["cli", "docker", "command"] as const)(
    "refuses a %s whose checksum is not the published one, and keeps nothing of it",
    async (name) => {
      const file = join(releases.folder, FILES[name]);
      await writeFile(file, Buffer.concat([await readFile(file), Buffer.from("x")]));
      const result = await machine.exec(SHOW);
      expect(result.code).toBe(1);
      expect(result.output).toMatch(/ its publisher says [0-9a-f]{40,64}: refused/);
      expect(await machine.cached()).not.toContain(
        name === "cli" ? "pulumi-official" : `pulumi-official-${name}`,
      );
    },
  );

  it("refuses a file that has no published checksum", async () => {
    await writeFile(join(releases.folder, FILES.commandSums), "");
    const result = await machine.exec(SHOW);
    expect(result.code).toBe(1);
    expect(result.output).toContain(
      `${FILES.commandSums} has no checksum of pulumi-resource-command`,
    );
  });

  it("gives up on a mirror that does not answer, naming the setting", async () => {
    releases.silent = true;
    const began = Date.now();
    const result = await machine.exec(SHOW);
    expect(result.code).toBe(1);
    expect(result.output).toContain("no answer in 4 s");
    expect(result.output).toContain("OLLAMA_MESH_PULUMI_RELEASES must name a mirror");
    figure("gave up after", inSeconds((Date.now() - began) / 1000));
  });

  it("replaces an installed CLI that is too old", async () => {
    await machine.installPulumi("v3.258.9");
    const result = await machine.exec(SHOW);
    expect(result.stdout).toContain(`cli v${PULUMI} official\n`);
    expect(result.stdout).toMatch(/^host .*\/cache\/pulumi-official-/m);
  });

  it("replaces an installed CLI that has no Node language host", async () => {
    await machine.install("pulumi", `echo v${PULUMI}`);
    expect((await machine.exec(SHOW)).stdout).toContain(`cli v${PULUMI} official\n`);
  });

  it("adds a missing plugin to an installed CLI, and leaves the user logged in", async () => {
    await machine.installPulumi("v3.300.0");
    await machine.installPlugin("docker", PLUGINS.docker);
    await writeFile(join(machine.folder, ".pulumi/credentials.json"), "{}");
    const { stdout } = await machine.exec(SHOW);
    expect(stdout).toContain("cli v3.300.0\n");
    expect(stdout).toContain("plugin official command\nplugin from the user\n");
    expect(stdout).toContain(`credentials ${join(machine.folder, ".pulumi")}\n`);
    expect(releases.asked).toEqual([FILES.cliSums, FILES.commandSums, FILES.command]);
    releases.asked = [];
    expect((await machine.exec(SHOW)).output).toBe(stdout);
    expect(releases.asked).toEqual([]);
  });
});

describe("without the official host", () => {
  it("uses an installed toolchain that is new enough as it is, without a word", async () => {
    await machine.installPulumi("v3.260.1");
    for (const name of ["docker", "command"] as const) {
      await machine.installPlugin(name, PLUGINS[name]);
    }
    const { output } = await machine.exec(SHOW);
    expect(output.split("\n")).toEqual([
      "cli v3.260.1",
      `host ${join(machine.bin, "pulumi-language-nodejs")}`,
      "home none",
      "plugin from the user",
      "plugin from the user",
      "acquisition allowed",
      "credentials default",
      "",
    ]);
    expect(await machine.cached()).toEqual([]);
  });

  it("builds from Go modules, once, each pinned by its go.sum", async () => {
    await machine.install("go", FAKE_GO);
    const first = await machine.exec(SHOW);
    expect(first.output).toMatch(
      /> Pulumi: https:\S+ cannot be had from here \(.*\): from Go modules/,
    );
    expect(first.stdout.split("\n")).toEqual([
      "cli built pulumi",
      expect.stringMatching(/^host .*\/cache\/pulumi-[0-9a-f]{16}\/pulumi-language-nodejs$/),
      expect.stringMatching(/^home .*\/cache\/pulumi-home-[0-9a-f]{16}$/),
      "plugin built pulumi-resource-command",
      "plugin built pulumi-resource-docker",
      "acquisition true",
      "credentials default",
      "",
    ]);
    const calls = await readFile(join(machine.folder, "go-calls"), "utf8");
    expect(calls.trimEnd().split("\n")).toEqual([
      expect.stringMatching(
        /^build -v -mod=readonly .* github\.com\/pulumi\/pulumi\/pkg\/v3\/cmd\/pulumi$/,
      ),
      expect.stringMatching(/^build -v -mod=readonly .* \.\/cmd\/\.\.\.$/),
    ]);

    const began = Date.now();
    const second = await machine.exec(SHOW);
    expect(second.output).toBe(first.stdout);
    figure("second run", inSeconds((Date.now() - began) / 1000));
    expect(await readFile(join(machine.folder, "go-calls"), "utf8")).toBe(calls);
  });

  it("goes on with what was built where the cache cannot be written any more", async () => {
    await machine.install("go", FAKE_GO);
    const { stdout } = await machine.exec(SHOW);
    // Root may write everywhere: a folder stands for the note that cannot be written, and is of yesterday.
    const note = join(machine.cache, "official-releases-unreachable");
    await rm(note);
    await mkdir(note);
    const yesterday = new Date(Date.now() - 25 * 60 * 60 * 1000);
    await utimes(note, yesterday, yesterday);
    expect((await machine.exec(SHOW)).stdout).toBe(stdout);
  });

  it("says what to install when there is no Go", async () => {
    const result = await machine.exec(SHOW);
    expect(result.code).toBe(1);
    expect(result.output).toContain("building it needs Go >= 1.26");
    expect(result.output).toContain("install Go >= 1.26");
    expect(result.output).toContain("or set OLLAMA_MESH_PULUMI_RELEASES to a mirror of it");
  });

  it("says what to install when Go is too old", async () => {
    await machine.install(
      "go",
      'echo "go: go.mod requires go >= 1.26 (running go 1.19)" >&2; exit 1',
    );
    const result = await machine.exec(SHOW);
    expect(result.code).toBe(1);
    expect(result.output).toContain("install Go >= 1.26");
    expect(result.output).toContain("running go 1.19");
  });

  it("keeps nothing of a build that failed, and shows the compiler's words", async () => {
    await machine.install("go", "echo 'main.go:1:1: expected package' >&2; exit 1");
    const result = await machine.exec(SHOW);
    expect(result.code).toBe(1);
    expect(result.output).toContain("main.go:1:1: expected package");
    expect(await machine.cached()).toEqual(["official-releases-unreachable"]);
  });
});
