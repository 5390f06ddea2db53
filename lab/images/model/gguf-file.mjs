// The GGUF container format, version 3, as far as a small llama model needs it.

/** Ids of the value types that GGUF metadata uses. */
export const VALUE = { u32: 4, i32: 5, f32: 6, string: 8, array: 9 };

/** Ids of the tensor types; one-dimensional tensors (norms) must be f32. */
export const TENSOR = { f32: 0, f16: 1 };

const ALIGNMENT = 32;
const VERSION = 3;

/**
 * @typedef {{key: string, type: "u32" | "i32" | "f32" | "string", value: number | string}} Scalar
 * @typedef {{key: string, type: "array", of: "i32" | "f32" | "string", value: readonly (number | string)[]}} List
 * @typedef {Scalar | List} Metadata
 * @typedef {{name: string, dimensions: readonly number[], type: number, data: Uint8Array}} Tensor
 *   `dimensions` in ggml's order: the fastest running one first
 */

/**
 * The bytes of a GGUF file.
 *
 * @param {readonly Metadata[]} metadata
 * @param {readonly Tensor[]} tensors
 * @returns {Uint8Array}
 */
export function ggufFile(metadata, tensors) {
  const head = [
    Buffer.from("GGUF"),
    u32(VERSION),
    u64(tensors.length),
    u64(metadata.length),
    ...metadata.flatMap(entry),
  ];
  const bodies = [];
  let offset = 0;
  for (const { name, dimensions, type, data } of tensors) {
    head.push(string(name), u32(dimensions.length), ...dimensions.map(u64), u32(type), u64(offset));
    const body = padded(data);
    bodies.push(body);
    offset += body.length;
  }
  return Buffer.concat([padded(Buffer.concat(head)), ...bodies]);
}

/**
 * @param {Metadata} metadata
 * @returns {Buffer[]}
 */
function entry(metadata) {
  const head = [string(metadata.key), u32(VALUE[metadata.type])];
  if (metadata.type !== "array") return [...head, scalar(metadata.type, metadata.value)];
  const { of, value } = metadata;
  return [...head, u32(VALUE[of]), u64(value.length), ...value.map((item) => scalar(of, item))];
}

/**
 * @param {"u32" | "i32" | "f32" | "string"} type
 * @param {number | string} value
 */
function scalar(type, value) {
  if (type === "string") return string(String(value));
  const buffer = Buffer.alloc(4);
  if (type === "u32") buffer.writeUInt32LE(Number(value));
  else if (type === "i32") buffer.writeInt32LE(Number(value));
  else buffer.writeFloatLE(Number(value));
  return buffer;
}

/** @param {string} text */
function string(text) {
  const bytes = Buffer.from(text);
  return Buffer.concat([u64(bytes.length), bytes]);
}

/** @param {number} value */
function u32(value) {
  return scalar("u32", value);
}

/** @param {number} value */
function u64(value) {
  const buffer = Buffer.alloc(8);
  buffer.writeBigUInt64LE(BigInt(value));
  return buffer;
}

/** @param {Uint8Array} bytes */
function padded(bytes) {
  const padding = (ALIGNMENT - (bytes.length % ALIGNMENT)) % ALIGNMENT;
  return padding === 0 ? bytes : Buffer.concat([bytes, Buffer.alloc(padding)]);
}
