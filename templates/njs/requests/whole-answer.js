/** Whether a request is for an answer in one piece: its node is silent until the last token, and well all the same. */
import { utf8 } from "./utf8.js";

/** Routes whose answers are streams where a body does not tell. Source: Ollama, docs/api.md. */
const STREAMS = /^\/api\/(?:chat|generate)$/;
/** In a text of the client's the quotes would be escaped, and in a tool's schema it is neither true nor false. */
const TOLD = /"stream"\s*:\s*(true|false)/;
/** It stands among what is short: before messages and tools, or after them. */
const HEAD = 256;
const TAIL = 512;

/**
 * By the "stream" of its body, as Ollama and OpenAI's API have it. Where a large body hides it, the route decides: then a node
 * that hangs is found later.
 *
 * @param {string} path
 * @param {Buffer | undefined} body
 */
export function isWhole(path, body) {
  const told = body ? toldIn(body) : null;
  return told ? told[1] === "false" : !STREAMS.test(path);
}

/** @param {Buffer} body */
function toldIn(body) {
  const size = body.length;
  if (size <= HEAD + TAIL) return TOLD.exec(utf8(body, 0, size));
  return TOLD.exec(utf8(body, size - TAIL, size)) ?? TOLD.exec(utf8(body, 0, HEAD));
}
