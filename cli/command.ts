import { parseArgs, type ParseArgsOptionsConfig } from "node:util";
import { nearest } from "../config/problems.ts";
import { StepError } from "../steps/step-error.ts";

/** What a command was given. */
export interface Given {
  /** Words that are no options. */
  words: string[];
  /** Values of options by name. */
  values: Partial<Record<string, string | boolean | (string | boolean)[]>>;
}

/** One command of `ollama-mesh`. */
export interface Command {
  /** One line for the list of commands. */
  summary: string;
  /** Usage, what it does, options and examples. */
  help: string;
  options: ParseArgsOptionsConfig;
  /**
   * Does it. What a program reads goes to stdout.
   *
   * @returns its exit code: 0, or 1 where it found something wrong
   * @throws StepError for what the user can mend, UsageError for words that it does not understand
   */
  run(given: Given): Promise<number>;
}

/** The command line itself is wrong. */
export class UsageError extends StepError {}

/** Exit code of a command that could not do what it was asked for. */
export const FAILED = 1;
/** Exit code of a command line that is no command. */
export const MISUSED = 2;

/** The options that every command has. */
const COMMON = { help: { type: "boolean", short: "h" } } as const;

/**
 * Reads a command line.
 *
 * @param args without the program's own name
 * @throws UsageError that names the command or option that was probably meant
 */
export function readCommandLine(
  args: readonly string[],
  commands: Readonly<Record<string, Command>>,
): { name: string; command: Command; given: Given } | undefined {
  const [name, ...rest] = args;
  if (name === undefined || name === "--help" || name === "-h") return undefined;
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (!command) {
    const meant = nearest(name, Object.keys(commands));
    throw new UsageError(
      `${name} is no command${meant ? `; did you mean ${meant}?` : ""}; ollama-mesh --help lists them`,
    );
  }
  try {
    const options = { ...command.options, ...COMMON };
    const { positionals, values } = parseArgs({ args: rest, options, allowPositionals: true });
    return { name, command, given: { words: positionals, values } };
  } catch (error) {
    const text = (error as Error).message.split(/\.\s/)[0]!;
    throw new UsageError(`ollama-mesh ${name}: ${text}; ollama-mesh ${name} --help says more`);
  }
}

/**
 * For a command that takes options only.
 *
 * @throws UsageError with the words that it was given
 */
export function refuseWords(name: string, { words }: Given, help: string): void {
  if (words.length > 0) {
    throw new UsageError(`${name} takes no words, got "${words.join(" ")}"\n\n${help}`);
  }
}

/** An option's text; undefined where it was not given. */
export function textOption({ values }: Given, name: string): string | undefined {
  const value = values[name];
  return typeof value === "string" ? value : undefined;
}

/** All texts of an option that may be given several times. */
export function textOptions({ values }: Given, name: string): string[] {
  const value = values[name];
  return Array.isArray(value) ? value.filter((each) => typeof each === "string") : [];
}
