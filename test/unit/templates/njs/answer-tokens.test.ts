import { expect, test } from "vitest";

import { keepPiece, newAnswer, tokensOf } from "../../../../templates/njs/usage/answer-tokens.js";

const NDJSON = "application/x-ndjson";
const EVENTS = "text/event-stream; charset=utf-8";
const asked = { uri: "/api/chat", size: 400, type: NDJSON };

/** An answer in pieces; without an end the client has left. */
function answer(pieces: readonly string[], ended = true) {
  const kept = newAnswer();
  for (const piece of pieces) keepPiece(kept, Buffer.from(piece), false);
  if (ended) keepPiece(kept, Buffer.alloc(0), true);
  return kept;
}

const token = '{"message":{"content":"x"},"done":false}\n';
/** 16 bytes, so that what is looked at holds whole ones. */
const EVENT = 'data: {"a":12}\n\n';
const done = '{"done":true,"prompt_eval_count":26,"eval_count":298}\n';

test.each<[string, readonly string[], object, [number, number]]>([
  ["Ollama's last line", [token, token, done], {}, [26, 298]],
  ["in two pieces", [token, done.slice(0, 40), done.slice(40)], {}, [26, 298]],
  ["with the empty piece at its end", [token + done], {}, [26, 298]],
  ["a prompt from the cache", [token, '{"done":true,"eval_count":5}\n'], {}, [0, 5]],
  ["a model that was loaded", ['{"done":true,"done_reason":"load"}\n'], {}, [0, 0]],
  [
    "OpenAI's answer",
    [`{"choices":["${"x".repeat(9000)}"],"usage":{"prompt_tokens": 9,"completion_tokens": 12}}`],
    { uri: "/v1/chat/completions", type: "application/json" },
    [9, 12],
  ],
  [
    "OpenAI's embeddings, which have no answer",
    ['{"data":[],"usage":{"prompt_tokens":8,"total_tokens":8}}'],
    { uri: "/v1/embeddings", type: "application/json" },
    [8, 0],
  ],
  [
    "OpenAI's stream with usage",
    [
      'data: {"choices":[]}\n\n',
      'data: {"usage":{"prompt_tokens":9,"completion_tokens":2}}\n\n',
      "data: [DONE]\n\n",
    ],
    { uri: "/v1/chat/completions", type: EVENTS },
    [9, 2],
  ],
  [
    "Anthropic's stream, whose prompt stands at its begin",
    [
      'data: {"type":"message_start","message":{"usage":{"input_tokens":25,"output_tokens":1}}}\n\n',
      ...Array.from({ length: 300 }, () => 'data: {"type":"content_block_delta"}\n\n'),
      'data: {"type":"message_delta","usage":{"output_tokens":15}}\n\n',
      'data: {"type":"message_stop"}\n\n',
    ],
    { uri: "/v1/messages", type: EVENTS },
    [25, 15],
  ],
  [
    "what a model writes is no count",
    ['{"message":{"content":"\\"eval_count\\":999"},"done":false}\n', done],
    {},
    [26, 298],
  ],
  [
    "nor do arguments of a tool that a client made up lower it",
    ['{"message":{"tool_calls":[{"arguments":{"eval_count":1,"prompt_eval_count":0}}]}}\n', done],
    {},
    [26, 298],
  ],
])("is told: %s", (_, pieces, more, [prompt, told]) => {
  const tokens = tokensOf(answer(pieces), { ...asked, ...more });
  expect(tokens).toEqual({ prompt, answer: told, estimated: false });
});

test.each<[string, readonly string[], boolean, object, [number, number]]>([
  ["a client that leaves", [token, token, token], false, {}, [100, 3]],
  ["a client that leaves before the first token", [], false, {}, [100, 0]],
  ["an answer that ends with an error", [token, '{"error":"runner"}\n'], true, {}, [100, 2]],
  [
    "a stream without usage",
    ["data: {}\n\ndata: {}\n\n", "data: {}\n\n", "data: [DONE]\n\n"],
    true,
    { uri: "/v1/chat/completions", type: EVENTS },
    [100, 3],
  ],
  [
    "a long stream, by its end",
    Array.from({ length: 10_000 }, () => "data: {}\n\n"),
    true,
    { uri: "/v1/chat/completions", type: EVENTS },
    [100, 10_000],
  ],
  [
    "a stream that comes in large pieces",
    [EVENT.repeat(6000), EVENT.repeat(2000)],
    true,
    { uri: "/v1/chat/completions", type: EVENTS },
    [100, 8000],
  ],
  [
    "a long JSON in one piece, by all its bytes",
    [`{"text":"${"ü".repeat(9994)}"}`],
    true,
    { uri: "/v1/rerank", type: "application/json" },
    [100, 5000],
  ],
  ["pictures in a prompt count as a long one", [], false, { size: 9_000_000 }, [16_384, 0]],
  [
    "sound has no tokens",
    ["x".repeat(5000)],
    true,
    { uri: "/v1/audio/speech", type: "audio/mpeg" },
    [100, 0],
  ],
])("is estimated: %s", (_, pieces, ended, more, [prompt, guessed]) => {
  const tokens = tokensOf(answer(pieces, ended), { ...asked, ...more });
  expect(tokens).toEqual({ prompt, answer: guessed, estimated: true });
});

test("of a long answer its end alone is kept", () => {
  const kept = answer(Array.from({ length: 1000 }, () => "x".repeat(100)));
  expect([kept.bytes, kept.total]).toEqual([4100, 100_000]);
});
