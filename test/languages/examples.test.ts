// Programs in every language of examples/, from an empty folder to an answer, and away again.
import { rm } from "node:fs/promises";
import { dirname } from "node:path";

import { afterAll, expect, test } from "vitest";

import { atLab, model } from "../engine/support/lab.ts";
import { remains } from "../engine/support/leftovers.ts";
import { Example, fourCommands, packedPackage, type Language } from "./example.ts";

let tarball: string;
atLab(async () => {
  tarball = await packedPackage();
});
afterAll(async () => {
  if (tarball) await rm(dirname(tarball), { recursive: true, force: true });
});

const LANGUAGES: Language[] = ["typescript", "yaml", "python", "go"];

test.each(LANGUAGES)(
  "%s: the README's four commands to an answer, no change here or elsewhere, destroy where no program ran",
  async (language) => {
    const config = { host: "unix:///var/run/docker.sock", gpus: "none", model: model() };
    await using example = await Example.create(language, tarball, config);

    const [, , upAgain, ask, ...more] = await fourCommands();
    expect([upAgain, more]).toEqual(["pulumi up", []]);
    const up = await example.pulumi("up", "--yes", "--skip-preview");
    expect(up.output).toContain(`http://127.0.0.1:${example.port}`);
    expect(up.code).toBe(0);

    const lines = (await example.shell(ask!)).trim().split("\n");
    expect(lines.length).toBeGreaterThan(2);
    expect(JSON.parse(lines.at(-1)!)).toMatchObject({ done: true });

    expect((await example.pulumi("preview")).changes).toEqual([]);
    expect((await (await example.elsewhere()).pulumi("preview")).changes).toEqual([]);

    // The Commands' inputs hold no path of this machine.
    const state = (await example.pulumi("stack", "export")).output;
    const { deployment } = JSON.parse(state) as {
      deployment: { resources: { inputs?: object }[] };
    };
    const inputs = JSON.stringify(deployment.resources.map((each) => each.inputs));
    expect(inputs).not.toContain(example.folder);

    await example.forgetSteps();
    const destroyed = await example.pulumi("destroy", "--yes", "--skip-preview");
    expect(destroyed.output).toMatch(/- \d+ deleted/);
    expect(destroyed.code).toBe(0);
    expect(await remains(example.mesh)).toEqual([`volume ${example.mesh}-models`]);
  },
);
