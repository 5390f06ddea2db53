// What a person sees of a mesh that is up: one answer, token by token, and where everything is.
import { streamedAnswer } from "./streamed-answer.mjs";

const QUESTION = "Why is the sky blue?";

/**
 * Asks the model that is slow enough to be watched.
 *
 * @param {string} endpoint
 * @param {import("./images.mjs").LabImages} images
 */
export async function showAnswer(endpoint, images) {
  const model = images.models.at(-1) ?? images.model;
  console.log(`\n${endpoint}/api/chat, model ${model}: "${QUESTION}"\n`);
  const answer = await streamedAnswer(endpoint, { model, question: QUESTION }, (token) =>
    process.stdout.write(token),
  );
  console.log(
    `\n\n${answer.tokens} tokens, the first after ${answer.firstTokenMs} ms, the last after ${answer.totalMs} ms.`,
  );
  if (images.offline) {
    console.log("(Nonsense: the built-in model has random weights.)");
  }
}

/** @param {Record<string, unknown>} outputs of a stack */
export function showOutputs(outputs) {
  console.log();
  for (const [name, value] of Object.entries(outputs)) console.log(`${name}:${row(value)}`);
}

/**
 * A list as one line per item, an item as its values in a row.
 *
 * @param {unknown} value
 * @returns {string}
 */
function row(value) {
  if (Array.isArray(value)) return value.map((item) => `\n ${row(item)}`).join("");
  if (typeof value !== "object" || value === null) return ` ${String(value)}`;
  const { name, ...others } = /** @type {Record<string, unknown>} */ (value);
  return [name, ...Object.values(others)].map(row).join(" ");
}
