// One question to an Ollama endpoint, the answer shown as it comes.

/** Long enough to be watched, short enough to be waited for. */
const LONGEST_ANSWER_TOKENS = 100;

/** A cold model is loaded first. */
const ANSWER_WITHIN_MS = 300_000;

/**
 * @typedef {object} Answer
 * @property {string} text
 * @property {number} tokens
 * @property {number} firstTokenMs from the request to the first token
 * @property {number} totalMs
 */

/**
 * Asks `/api/chat` and hands over each token at the moment it arrives.
 *
 * @param {string} endpoint such as `http://127.0.0.1:11434`
 * @param {{model: string, question: string}} request
 * @param {(token: string) => void} onToken
 * @returns {Promise<Answer>}
 */
export async function streamedAnswer(endpoint, { model, question }, onToken) {
  const began = Date.now();
  const response = await fetch(new URL("/api/chat", endpoint), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      model,
      messages: [{ role: "user", content: question }],
      options: { num_predict: LONGEST_ANSWER_TOKENS },
    }),
    signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
  });
  if (!response.ok || !response.body) {
    const said = (await response.text()).slice(0, 500);
    throw new Error(`${endpoint}/api/chat answered ${response.status}: ${said}`);
  }
  const answer = { text: "", tokens: 0, firstTokenMs: 0, totalMs: 0 };
  for await (const line of lines(response.body)) {
    const part = JSON.parse(line);
    // An error after the first byte comes with status 200, as a line of its own.
    if (part.error) throw new Error(`The answer broke off: ${part.error}`);
    if (part.done) return { ...answer, totalMs: Date.now() - began };
    answer.firstTokenMs ||= Date.now() - began;
    answer.tokens += 1;
    answer.text += part.message.content;
    onToken(part.message.content);
  }
  throw new Error("The answer broke off before its last line.");
}

/** @param {ReadableStream<Uint8Array>} stream */
async function* lines(stream) {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of /** @type {AsyncIterable<Uint8Array>} */ (stream)) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = parts.pop() ?? "";
    yield* parts.filter((part) => part.trim() !== "");
  }
}
