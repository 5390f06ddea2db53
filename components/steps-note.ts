import { randomUUID } from "node:crypto";
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { NOTE, NOTES, notedStepText, stepText } from "../steps/step-text.ts";

/** The compiled steps. Where this is source, the package is found, and nothing is noted. */
const STEPS = new URL("../steps/run.js", import.meta.url);

/** How Commands find the steps; undefined until it is known. */
let textOf: typeof stepText | undefined;

/** The text of a Command that runs a step, as the folder that this process and the Command run in has it. */
export function findableStepText(...[name]: Parameters<typeof stepText>): string {
  if (!textOf) {
    if (isInstalled()) textOf = stepText;
    else runStepsByNote();
  }
  return textOf!(name);
}

/**
 * Lets the Commands of this process find the steps by a note, whatever is installed where it runs: a program in Python
 * has no packages of Node, and an Automation API program may be started anywhere.
 *
 * @throws RunError when Pulumi's home cannot be written to
 */
export function runStepsByNote(): void {
  textOf = notedStepText;
  const home = process.env["PULUMI_HOME"] || join(homedir(), ".pulumi");
  const folder = resolve(home, NOTES + process.cwd());
  // Others may read it at this moment.
  const unfinished = join(folder, randomUUID());
  try {
    mkdirSync(folder, { recursive: true });
    writeFileSync(unfinished, `module.exports = import(${JSON.stringify(STEPS.href)});\n`);
    renameSync(unfinished, join(folder, NOTE));
  } catch (error) {
    throw new pulumi.RunError(
      `Pulumi's home keeps a note of where the steps of ollama-mesh are, and ${folder} cannot be written (${(error as Error).message}); let this user write there, or set PULUMI_HOME to another folder`,
    );
  }
}

/** Whether Node finds the package from the folder that this process runs in. */
function isInstalled(): boolean {
  try {
    createRequire(join(process.cwd(), "program.js")).resolve("ollama-mesh/package.json");
    return true;
  } catch {
    return false;
  }
}
