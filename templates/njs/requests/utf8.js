const DECODER = new TextDecoder();

/**
 * A part of a body as text. The decoder is the dearest step of all that is done with one: 5 ns per byte.
 *
 * @param {Uint8Array} body
 * @param {number} from
 * @param {number} to
 */
export function utf8(body, from, to) {
  const part = body.subarray(Math.max(0, from), to);
  // njs takes views as well as buffers; its types know only of the latter.
  return DECODER.decode(/** @type {ArrayBuffer} */ (/** @type {unknown} */ (part)));
}
