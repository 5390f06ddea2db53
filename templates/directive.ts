import { slotLine, type SlotName } from "./slots.ts";
import { type Argument, type Key, printArgument, printKey } from "./words.ts";

declare const WRITTEN: unique symbol;

/** The name of a directive, which is syntax: it comes from a word of our source, by `directive` and `block` only. */
export type DirectiveName = string & { readonly [WRITTEN]: true };

/** A word, or one of a few, that stands in the source. What a user declared is any `string`, and does not compile here. */
type Word<Name extends string> = Name & (string extends Name ? never : unknown);

/** A line or a block of a config. */
export type Statement = Directive | Entry | Slot;

/** One nginx directive. */
export interface Directive {
  name: DirectiveName;
  args: readonly Argument[];
  block?: readonly Statement[];
  /** Printed above it, on a line of its own. */
  comment?: string;
}

/** One line of a map or geo. */
export interface Entry {
  key: Key;
  value: Argument;
}

/** Where text is put in while the mesh runs: see fillSlots. */
export interface Slot {
  slot: SlotName;
}

/** A simple directive. */
export const directive = <const Name extends string>(
  name: Word<Name>,
  ...args: Argument[]
): Directive => ({ name: name as string as DirectiveName, args });

/** A directive with a block. */
export const block = <const Name extends string>(
  name: Word<Name>,
  args: readonly Argument[],
  statements: readonly Statement[],
): Directive => ({ ...directive<Name>(name, ...args), block: statements });

/** A map: sets a variable by what another text is. */
export const map = (
  source: string,
  variable: string,
  statements: readonly Statement[],
): Directive => block("map", [source, variable], statements);

/** A line of a map or geo. */
export const entry = (key: Key, value: Argument): Entry => ({ key, value });

/** A place that is filled in while the mesh runs. */
export const slot = (name: SlotName): Slot => ({ slot: name });

/** A directive with the reason for it. */
export const because = (comment: string, of: Directive): Directive => ({ ...of, comment });

/**
 * Prints statements as nginx reads them; the same tree gives the same bytes.
 *
 * @throws RangeError for what nginx cannot hold: a dollar or a control character in user text, a comment of two lines
 */
export function print(statements: readonly Statement[], depth = 0): string {
  const indent = "    ".repeat(depth);
  return statements.map((each) => printStatement(each, indent, depth)).join("");
}

function printStatement(statement: Statement, indent: string, depth: number): string {
  if ("slot" in statement) return `${indent}${slotLine(statement.slot)}\n`;
  if ("key" in statement) {
    return `${indent}${printKey(statement.key)} ${printArgument(statement.value)};\n`;
  }
  const { name, args, block: inner, comment } = statement;
  const above = comment === undefined ? "" : printComment(comment, indent);
  const head = indent + [name, ...args.map(printArgument)].join(" ");
  if (!inner) return `${above}${head};\n`;
  return `${above}${head} {\n${print(inner, depth + 1)}${indent}}\n`;
}

function printComment(comment: string, indent: string): string {
  if (/[\r\n]/.test(comment)) throw new RangeError("a comment must be one line");
  return `${indent}# ${comment}\n`;
}
