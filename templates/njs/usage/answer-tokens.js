/**
 * Tokens of a request, by what its answer says at its end: Ollama's last line, OpenAI's and Anthropic's usage. Kept of an
 * answer are its first piece and its last bytes. Where an answer says nothing they are estimated: see docs/usage-and-quotas.md.
 */
import { utf8 } from "../requests/utf8.js";

/** Bytes of an answer's end that are looked at: a line of Ollama's has its counts in the last 300. */
const TAIL = 4096;
/** Bytes per token where nothing tells. */
const BYTES_PER_TOKEN = 4;
/** A prompt is not estimated for more: pictures are megabytes, and few nodes have a longer context. */
const PROMPT_MOST = 16_384;

/**
 * @typedef {object} Answer
 * @property {Uint8Array | undefined} first
 * @property {Uint8Array[]} last pieces
 * @property {number} bytes of those
 * @property {number} total bytes of all
 * @property {boolean} ended
 */

/** @returns {Answer} */
export const newAnswer = () => ({
  first: undefined,
  last: [],
  bytes: 0,
  total: 0,
  ended: false,
});

/**
 * @param {Answer} answer
 * @param {Uint8Array} piece
 * @param {boolean} isLast
 */
export function keepPiece(answer, piece, isLast) {
  if (isLast) answer.ended = true;
  const size = piece.length;
  if (size === 0) return;
  const { last } = answer;
  answer.first ??= piece;
  last.push(piece);
  answer.total += size;
  answer.bytes += size;
  while (last.length > 1 && answer.bytes - /** @type {Uint8Array} */ (last[0]).length >= TAIL) {
    answer.bytes -= /** @type {Uint8Array} */ (last.shift()).length;
  }
}

const PROMPT = /"(?:prompt_eval_count|prompt_tokens|input_tokens)"\s*:\s*(\d{1,9})/g;
const ANSWER = /"(?:eval_count|completion_tokens|output_tokens)"\s*:\s*(\d{1,9})/g;

/**
 * @typedef {object} Asked what is known of the request besides its answer
 * @property {string} uri
 * @property {number} size bytes of its body
 * @property {string} type of the answer
 */

/**
 * @param {Answer} answer
 * @param {Asked} asked
 * @returns {{prompt: number, answer: number, estimated: boolean}}
 */
export function tokensOf({ first, last, total, ended }, { uri, size, type }) {
  const text = last.map(textOf).join("");
  const head = first === undefined || first === last[0] ? "" : textOf(first);
  // The largest: what a client has put into an answer, as a tool's arguments, lowers nothing.
  const prompt = Math.max(largest(PROMPT, text), largest(PROMPT, head));
  const told = largest(ANSWER, text);
  if (ended) {
    // Ollama leaves out what is 0, as for a prompt that it has in its cache.
    const whole =
      uri.startsWith("/api/") &&
      ((last.length === 1 && first === last[0]) || /"done"\s*:\s*true/.test(text));
    const tells = prompt >= 0 || told >= 0 || whole;
    if (tells) return { prompt: Math.max(0, prompt), answer: Math.max(0, told), estimated: false };
  }
  const looked = last.reduce((sum, piece) => sum + Math.min(piece.length, TAIL), 0);
  const bodyTokens = Math.min(PROMPT_MOST, Math.ceil(size / BYTES_PER_TOKEN));
  return {
    prompt: prompt >= 0 ? prompt : bodyTokens,
    answer: Math.max(told, Math.ceil(tokensByEye(type, text, total, looked))),
    estimated: true,
  };
}

/**
 * Streams have a line or an event for each token; sounds and pictures have none.
 *
 * @param {string} type
 * @param {string} text its end
 * @param {number} total bytes
 * @param {number} looked bytes of the end: a large piece is looked at in part
 */
function tokensByEye(type, text, total, looked) {
  const lines = type.includes("ndjson")
    ? /\n/g
    : type.includes("event-stream")
      ? /^data:(?! *\[DONE\])/gm
      : undefined;
  if (lines) return ((text.match(lines) ?? []).length * total) / Math.max(1, looked);
  return type.includes("json") ? total / BYTES_PER_TOKEN : 0;
}

/** @param {Uint8Array} piece */
function textOf(piece) {
  const from = Math.max(0, piece.length - TAIL);
  return utf8(/** @type {Buffer} */ (piece), from, piece.length);
}

/**
 * @param {RegExp} pattern
 * @param {string} text
 * @returns {number} -1 for none
 */
function largest(pattern, text) {
  let most = -1;
  for (const [, digits] of text.matchAll(pattern)) most = Math.max(most, Number(digits));
  return most;
}
