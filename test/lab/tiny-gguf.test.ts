import { createHash } from "node:crypto";

import { expect, test } from "vitest";

import { VALUE } from "../../lab/images/model/gguf-file.mjs";
import { halfFloat } from "../../lab/images/model/seeded-weights.mjs";
import { tinyGguf } from "../../lab/images/model/tiny-gguf.mjs";

const SHAPE = {
  name: "test",
  seed: 7,
  embedding: 32,
  layers: 1,
  heads: 2,
  feedForward: 64,
  context: 128,
  words: 8,
};

test("the same arguments give the same bytes", () => {
  const digest = createHash("sha256").update(tinyGguf(SHAPE)).digest("hex");
  expect(digest).toBe("eb224e7201fbca5be7357a4af2f74b87edc69306d0d39b7aa3269cc8e3e91d13");
});

test("another seed gives other weights in a file of the same size", () => {
  const [one, other] = [tinyGguf(SHAPE), tinyGguf({ ...SHAPE, seed: 8 })];
  expect(other.length).toBe(one.length);
  expect(Buffer.compare(one, other)).not.toBe(0);
});

test("metadata and tensors read back as what was asked for", () => {
  const file = read(tinyGguf(SHAPE));
  expect(file.metadata).toMatchObject({
    "general.architecture": "llama",
    "general.name": "test",
    "llama.context_length": 128,
    "llama.embedding_length": 32,
    "llama.block_count": 1,
    "llama.attention.head_count": 2,
    "llama.rope.dimension_count": 16,
    "llama.vocab_size": 268,
    "tokenizer.ggml.eos_token_id": 2,
  });
  const tokens = file.metadata["tokenizer.ggml.tokens"] as string[];
  expect(tokens).toHaveLength(268);
  expect(tokens.slice(0, 5)).toEqual(["<unk>", "<s>", "</s>", "<0x00>", "<0x01>"]);
  expect(new Set(tokens).size).toBe(268);
  expect(file.tensors.map(({ name, dimensions }) => `${name} ${dimensions.join("x")}`)).toEqual([
    "token_embd.weight 32x268",
    "blk.0.attn_norm.weight 32",
    "blk.0.attn_q.weight 32x32",
    "blk.0.attn_k.weight 32x32",
    "blk.0.attn_v.weight 32x32",
    "blk.0.attn_output.weight 32x32",
    "blk.0.ffn_norm.weight 32",
    "blk.0.ffn_gate.weight 32x64",
    "blk.0.ffn_up.weight 32x64",
    "blk.0.ffn_down.weight 64x32",
    "output_norm.weight 32",
    "output.weight 32x268",
  ]);
  expect(file.end).toBe(file.length);
});

test("only words can be the next token, so an answer never ends before num_predict", () => {
  const bytes = tinyGguf(SHAPE);
  const output = bytes.subarray(bytes.length - 268 * 32 * 2);
  const zeroRows = output.subarray(0, 260 * 32 * 2);
  expect(zeroRows.every((byte) => byte === 0)).toBe(true);
  expect(output.subarray(260 * 32 * 2).some((byte) => byte === 0x80)).toBe(true);
});

test.each([
  [0, 0x0000],
  [1, 0x3c00],
  [-2, 0xc000],
  [1 / 3, 0x3555],
  [65504, 0x7bff],
  [65520, 0x7c00],
  [2 ** -14, 0x0400],
  [2 ** -24, 0x0001],
  [2 ** -25, 0x0000],
  [1.5 * 2 ** -25, 0x0001],
  [1 + 2 ** -11, 0x3c00],
  [1 + 3 * 2 ** -11, 0x3c02],
])("%d as a half float has the bits %d", (value, bits) => {
  expect(halfFloat(value)).toBe(bits);
});

test("more words than can be made up are refused", () => {
  expect(() => tinyGguf({ ...SHAPE, words: 8101 })).toThrow("words must be at most 8100, got 8101");
});

/** An independent, minimal reader of the format. */
function read(bytes: Uint8Array) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  const u32 = () => view.getUint32((at += 4) - 4, true);
  const u64 = () => Number(view.getBigUint64((at += 8) - 8, true));
  const text = () => {
    const length = u64();
    return Buffer.from(bytes.subarray(at, (at += length))).toString();
  };
  const value = (type: number): unknown => {
    if (type === VALUE.string) return text();
    if (type === VALUE.u32) return u32();
    if (type === VALUE.i32) return view.getInt32((at += 4) - 4, true);
    if (type === VALUE.f32) return view.getFloat32((at += 4) - 4, true);
    if (type !== VALUE.array) throw new Error(`unknown value type ${type}`);
    const [of, length] = [u32(), u64()];
    return Array.from({ length }, () => value(of));
  };
  expect(Buffer.from(bytes.subarray(0, 4)).toString()).toBe("GGUF");
  at = 4;
  expect(u32()).toBe(3);
  const [tensorCount, metadataCount] = [u64(), u64()];
  const metadata: Record<string, unknown> = {};
  for (let i = 0; i < metadataCount; i++) metadata[text()] = value(u32());
  const tensors = Array.from({ length: tensorCount }, () => {
    const name = text();
    const dimensions = Array.from({ length: u32() }, u64);
    const [type, offset] = [u32(), u64()];
    return { name, dimensions, type, offset };
  });
  const align = (n: number) => Math.ceil(n / 32) * 32;
  const begin = align(at);
  const last = tensors.at(-1);
  if (!last) throw new Error("no tensors");
  const elements = last.dimensions.reduce((product, n) => product * n, 1);
  return {
    metadata,
    tensors,
    end: begin + align(last.offset + elements * 2),
    length: bytes.length,
  };
}
