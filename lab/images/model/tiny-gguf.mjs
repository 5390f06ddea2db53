// A tiny, valid model of random weights: it answers nonsense, at once, on any CPU.
import { TENSOR, ggufFile } from "./gguf-file.mjs";
import { halfFloatMatrix, seededRandom } from "./seeded-weights.mjs";

/**
 * @typedef {object} TinyModel
 * @property {string} name
 * @property {number} seed
 * @property {number} embedding width of the model; a multiple of `heads`
 * @property {number} layers
 * @property {number} heads
 * @property {number} feedForward
 * @property {number} context longest context in tokens
 * @property {number} words size of the vocabulary of made-up words
 */

const BYTES = 256;
/** Token ids: unknown, begin, end, one per byte (so that every text can be read), the space, then the words. */
const FIRST_WORD = 3 + BYTES + 1;
const SPACE = "\u2581";
/** Kinds of a SentencePiece token. */
const KIND = { normal: 1, unknown: 2, control: 3, byte: 6 };

/**
 * Writes the model: llama architecture, 16-bit weights. The same arguments give the same bytes.
 *
 * The output rows of all tokens but the words are zero, so sampling finds words only and never an
 * end of sequence: a request always runs to its `num_predict`.
 *
 * @param {TinyModel} model
 * @returns {Uint8Array}
 */
export function tinyGguf(model) {
  const random = seededRandom(model.seed);
  const tokens = vocabulary(random, model.words);
  const { embedding, layers, feedForward } = model;

  /** @type {(name: string, rows: number, columns: number, more?: {gain?: number, zeroRows?: number}) => import("./gguf-file.mjs").Tensor} */
  const matrix = (name, rows, columns, more) => ({
    name: `${name}.weight`,
    dimensions: [columns, rows],
    type: TENSOR.f16,
    data: halfFloatMatrix(random, { rows, columns, ...more }),
  });
  const ones = new Uint8Array(new Float32Array(embedding).fill(1).buffer);
  /** @param {string} name */
  const norm = (name) => ({
    name: `${name}.weight`,
    dimensions: [embedding],
    type: TENSOR.f32,
    data: ones,
  });

  const tensors = [matrix("token_embd", tokens.length, embedding, { gain: Math.sqrt(embedding) })];
  for (let layer = 0; layer < layers; layer++) {
    const block = `blk.${layer}`;
    tensors.push(
      norm(`${block}.attn_norm`),
      matrix(`${block}.attn_q`, embedding, embedding),
      matrix(`${block}.attn_k`, embedding, embedding),
      matrix(`${block}.attn_v`, embedding, embedding),
      matrix(`${block}.attn_output`, embedding, embedding),
      norm(`${block}.ffn_norm`),
      matrix(`${block}.ffn_gate`, feedForward, embedding),
      matrix(`${block}.ffn_up`, feedForward, embedding),
      matrix(`${block}.ffn_down`, embedding, feedForward),
    );
  }
  tensors.push(
    norm("output_norm"),
    matrix("output", tokens.length, embedding, { gain: 2, zeroRows: FIRST_WORD }),
  );
  return ggufFile(metadata(model, tokens), tensors);
}

/**
 * @param {() => number} random
 * @param {number} count
 * @returns {string[]} tokens by id
 */
function vocabulary(random, count) {
  const syllables = [..."bcdfghjklmnprstvwz"].flatMap((c) => [..."aeiou"].map((v) => c + v));
  if (count > syllables.length ** 2) {
    throw new RangeError(`words must be at most ${syllables.length ** 2}, got ${count}`);
  }
  /** @type {Set<string>} */
  const words = new Set();
  const syllable = () => syllables[Math.floor(random() * syllables.length)];
  while (words.size < count) words.add(`${SPACE}${syllable()}${syllable()}`);
  const bytes = Array.from(
    { length: BYTES },
    (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`,
  );
  return ["<unk>", "<s>", "</s>", ...bytes, SPACE, ...words];
}

/**
 * @param {TinyModel} model
 * @param {string[]} tokens
 * @returns {import("./gguf-file.mjs").Metadata[]}
 */
function metadata(model, tokens) {
  const kinds = tokens.map((_, id) => {
    if (id === 0) return KIND.unknown;
    if (id < 3) return KIND.control;
    return id < 3 + BYTES ? KIND.byte : KIND.normal;
  });
  // The lone space must be the worst merge, else it is preferred to the words that begin with it.
  const scores = tokens.map((_, id) =>
    id < FIRST_WORD - 1 ? 0 : id < FIRST_WORD ? -1000 : FIRST_WORD - 1 - id,
  );
  /** @type {(key: string, value: number) => import("./gguf-file.mjs").Scalar} */
  const u32 = (key, value) => ({ key, type: "u32", value });
  return [
    { key: "general.architecture", type: "string", value: "llama" },
    { key: "general.name", type: "string", value: model.name },
    u32("general.file_type", TENSOR.f16),
    u32("general.alignment", 32),
    u32("llama.context_length", model.context),
    u32("llama.embedding_length", model.embedding),
    u32("llama.block_count", model.layers),
    u32("llama.feed_forward_length", model.feedForward),
    u32("llama.attention.head_count", model.heads),
    u32("llama.attention.head_count_kv", model.heads),
    { key: "llama.attention.layer_norm_rms_epsilon", type: "f32", value: 1e-5 },
    u32("llama.rope.dimension_count", model.embedding / model.heads),
    { key: "llama.rope.freq_base", type: "f32", value: 10000 },
    u32("llama.vocab_size", tokens.length),
    { key: "tokenizer.ggml.model", type: "string", value: "llama" },
    { key: "tokenizer.ggml.tokens", type: "array", of: "string", value: tokens },
    { key: "tokenizer.ggml.scores", type: "array", of: "f32", value: scores },
    { key: "tokenizer.ggml.token_type", type: "array", of: "i32", value: kinds },
    u32("tokenizer.ggml.unknown_token_id", 0),
    u32("tokenizer.ggml.bos_token_id", 1),
    u32("tokenizer.ggml.eos_token_id", 2),
  ];
}
