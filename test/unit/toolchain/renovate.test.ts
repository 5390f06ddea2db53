import { readFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import {
  MONITORING,
  NGINX_IMAGE,
  OLLAMA_IMAGE,
  OLLAMA_ROCM_IMAGE,
} from "../../../config/defaults.ts";
import { NGINX_VERSION } from "../../../lab/images/versions.mjs";
import { PULUMI } from "../../../toolchain/versions.mjs";
import { sourceFiles } from "../../support/source-files.mjs";

interface Manager {
  description: string;
  managerFilePatterns: string[];
  matchStrings: string[];
  depNameTemplate?: string;
}

const ROOT = join(import.meta.dirname, "../../..");
const { customManagers, packageRules } = JSON.parse(
  readFileSync(join(ROOT, "renovate.json"), "utf8"),
) as {
  customManagers: Manager[];
  packageRules: { matchPackageNames: string[]; allowedVersions?: string }[];
};

/** "name:version" of what a manager finds in the files it looks at. */
function found({ managerFilePatterns, matchStrings, depNameTemplate }: Manager): string[] {
  const patterns = managerFilePatterns.map((pattern) => new RegExp(pattern.slice(1, -1)));
  const files = sourceFiles().filter((file) => patterns.some((pattern) => pattern.test(file)));
  return files.flatMap((file) =>
    matchStrings.flatMap((match) =>
      [...readFileSync(join(ROOT, file), "utf8").matchAll(new RegExp(match, "g"))].map(
        ({ groups }) => `${groups!["depName"] ?? depNameTemplate}:${groups!["currentValue"]}`,
      ),
    ),
  );
}

describe("what renovate watches beside packages and modules", () => {
  test("is every image and tool that a source names", () => {
    expect(customManagers.flatMap(found)).toEqual([
      OLLAMA_IMAGE,
      OLLAMA_ROCM_IMAGE,
      NGINX_IMAGE,
      MONITORING.prometheusImage,
      MONITORING.grafanaImage,
      MONITORING.alertmanagerImage,
      `nginx:${NGINX_VERSION}`,
      `pulumi/pulumi:${PULUMI}`,
    ]);
  });

  test("is nginx's stable versions only, today's among them", () => {
    const rule = packageRules.find(({ matchPackageNames }) => matchPackageNames.includes("nginx"));
    const stable = new RegExp(rule!.allowedVersions!.slice(1, -1));
    const versions = [NGINX_VERSION, "1.31.0", "1.32.1", "1.32.1-alpine", "stable"];
    expect(versions.filter((version) => stable.test(version))).toEqual([NGINX_VERSION, "1.32.1"]);
  });
});
