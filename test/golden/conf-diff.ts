// What is special about a config, for a person to read: how it differs from the plainest one.
import { structuredPatch } from "diff";

import { HASH_MARK } from "../../templates/slots.ts";

/** Lines around a change that say where it is. */
const CONTEXT = 2;

/** A config and the hash that it tells. */
export interface Hashed {
  conf: string;
  hash: string;
}

/**
 * The differences of two configs as a unified diff, but for two things that would change with every other line: it
 * has the blocks that a change is in instead of line numbers, and it says nothing of the hash that each config tells.
 */
export function confDiff(names: readonly [string, string], from: Hashed, to: Hashed): string {
  const [before, after] = [withoutHash(from), withoutHash(to)];
  const { hunks } = structuredPatch(...names, before, after, "", "", { context: CONTEXT });
  const lines = after.split("\n");
  return [
    `--- ${names[0]}`,
    `+++ ${names[1]}`,
    ...hunks.flatMap(({ newStart, lines: changed }) => [
      `@@ ${blocksAround(lines, newStart - 1).join(" > ")} @@`,
      ...changed,
    ]),
    "",
  ].join("\n");
}

/** A config without the hash that it tells, which changes with every line and with the program beside it. */
export const withoutHash = ({ conf, hash }: Hashed) => conf.replaceAll(hash, HASH_MARK);

/** The blocks that a line is in, from the outside in: "http", "upstream ollama". */
function blocksAround(lines: readonly string[], at: number): string[] {
  const open: string[] = [];
  for (const line of lines.slice(0, at)) {
    if (line.endsWith(" {")) open.push(line.slice(0, -2).trim());
    if (line.trim() === "}") open.pop();
  }
  return open;
}
