// A stack config as a user writes it goes in; the nginx config, or the exact error, comes out. It goes the way of
// `pulumi up`: index.ts reads the config, and the text is what the steps are handed.
import { readdirSync, readFileSync } from "node:fs";
import { isIP } from "node:net";
import { join } from "node:path";

import { vi } from "vitest";

import { admittedNode, type AdmissionInput } from "../../steps/nodes/admission.ts";
import { withServers } from "../../templates/admitted-servers.ts";
import { njsProgram, PROGRAM_HASH } from "../../templates/njs-program.ts";
import type { Router } from "../../templates/router-data.ts";
import { BuildError, record, stepInput } from "../support/mocks.ts";
import { parseYaml } from "../support/yaml.ts";

/** A folder for each case, whose name is the claim. */
export const ROOT = join(import.meta.dirname, "cases");

export const CASES = readdirSync(ROOT).sort();

/** What comes of a stack's config: the config that nginx gets once every node is admitted, or an error. */
export type Outcome =
  | {
      conf: string;
      /** Of the config, where the config tells it. */
      hash: string;
      /** What lies beside it, by name. */
      beside: Record<string, string>;
    }
  | { error: string };

const outcomes = new Map<string, Promise<Outcome>>();

/** What comes of a case. Each is made once; one after the other, since Pulumi's mocks are global. */
export function outcomeOf(folder: string): Promise<Outcome> {
  const known = outcomes.get(folder) ?? make(folder);
  outcomes.set(folder, known);
  return known;
}

/**
 * The config of a case.
 *
 * @throws Error where an error comes of it
 */
export async function confOf(folder: string): Promise<string> {
  const outcome = await outcomeOf(folder);
  if ("error" in outcome) throw new Error(`${folder} has no config: ${outcome.error}`);
  return outcome.conf;
}

/** What Pulumi's CLI hands to a program: the stack's config over the defaults of Pulumi.yaml. */
function configOf(folder: string): Record<string, string> {
  const project = parseYaml(
    readFileSync(join(import.meta.dirname, "../..", "Pulumi.yaml"), "utf8"),
  ) as { config: Record<string, { default?: unknown }> };
  const stack = parseYaml(readFileSync(join(ROOT, folder, "stack.yaml"), "utf8")) as {
    config: Record<string, unknown>;
  };
  const defaults = Object.entries(project.config).flatMap(([key, { default: value }]) =>
    value === undefined ? [] : [[`ollama-mesh:${key}`, value] as const],
  );
  return Object.fromEntries(
    [...defaults, ...Object.entries(stack.config)].map(([key, value]) => [
      key,
      typeof value === "string" ? value : JSON.stringify(value),
    ]),
  );
}

async function make(folder: string): Promise<Outcome> {
  vi.resetModules();
  try {
    const { resources } = await record(() => import("../../index.ts"), {
      stack: "golden",
      config: configOf(folder),
    });
    const steps = resources.filter(({ type }) => type === "command:local:Command").map(stepInput);
    const apply = steps.find((input) => "base" in input);
    const secrets = steps.find((input) => "files" in input && "hash" in input)?.["files"] ?? {};
    const nodes = steps.flatMap((input) =>
      "line" in input
        ? [[String(input["node"]), admittedBy(input as unknown as AdmissionInput)] as const]
        : [],
    );
    const { conf, hash, files } = withServers(
      String(apply?.["base"]),
      Object.fromEntries(nodes),
      String(apply?.["secrets"]),
      apply?.["router"] as Router | undefined,
    );
    return {
      // Any change of the program or its page would change every golden.
      conf: conf
        .replaceAll(PROGRAM_HASH, "@program-hash@")
        .replaceAll(/'sha256-[^']+'/g, "'sha256-@page-hash@'"),
      hash,
      beside: {
        ...(secrets as Record<string, string>),
        ...(apply?.["router"] ? njsProgram() : {}),
        ...files,
      },
    };
  } catch (error) {
    if (!(error instanceof BuildError)) throw error;
    return { error: `${error.message}\n` };
  }
}

/** As the step would keep it; a name is found nowhere. */
const admittedBy = (input: AdmissionInput) =>
  admittedNode(input, isIP(input.address) ? [input.address] : []);
