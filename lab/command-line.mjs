// What the lab's commands have in common: --help, errors in words, how long it all took.
import { parseArgs } from "node:util";

/** @typedef {Record<string, string | boolean | undefined>} Values */

/**
 * Runs a command with the options given on the command line and sets the exit code.
 *
 * @param {string} help
 * @param {Record<string, {type: "string" | "boolean"}>} options
 * @param {(values: Values, words: string[]) => Promise<void>} main
 * @param {{words?: boolean}} [also] `words`: whether it takes words besides options
 */
export async function commandLine(help, options, main, also = {}) {
  const began = Date.now();
  /** @type {Values} */
  let values;
  /** @type {string[]} */
  let words;
  try {
    const parsed = parseArgs({
      options: { ...options, help: { type: "boolean", short: "h" } },
      allowPositionals: also.words === true,
    });
    words = parsed.positionals;
    values = parsed.values;
  } catch (error) {
    console.error(`${messageOf(error)}\n\n${help}`);
    process.exitCode = 2;
    return;
  }
  if (values.help) {
    console.log(help);
    return;
  }
  try {
    await main(values, words);
    console.log(`\nAll done in ${((Date.now() - began) / 1000).toFixed(1)} s.`);
  } catch (error) {
    console.error(`\n${messageOf(error)}`);
    process.exitCode = 1;
  }
}

/** @param {unknown} error */
function messageOf(error) {
  return error instanceof Error ? error.message : String(error);
}
