import { createRequire } from "node:module";

// It comes with @pulumi/pulumi and has no types of its own.
const { load } = createRequire(import.meta.url)("js-yaml") as { load(text: string): unknown };

/** Parses YAML. */
export const parseYaml = (text: string): unknown => load(text);
