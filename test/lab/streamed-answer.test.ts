import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import { expect, test } from "vitest";

import { streamedAnswer } from "../../lab/streamed-answer.mjs";

const REQUEST = { model: "tiny", question: "why?" };

/** Runs `work` against a server that answers with these pieces. */
async function answering<T>(
  { status = 200, pieces }: { status?: number; pieces: string[] },
  work: (endpoint: string) => Promise<T>,
): Promise<T> {
  const server = createServer((_, response) => {
    response.writeHead(status);
    for (const piece of pieces) response.write(piece);
    response.end();
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  try {
    return await work(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

const token = (content: string) => `${JSON.stringify({ message: { content }, done: false })}\n`;
const DONE = `${JSON.stringify({ message: { content: "" }, done: true })}\n`;

test("tokens come in order, wherever the network cuts the lines", async () => {
  const all = token("Grüß") + token(" Gott") + DONE;
  const tokens: string[] = [];
  const answer = await answering(
    { pieces: [all.slice(0, 20), all.slice(20, 61), all.slice(61)] },
    (endpoint) => streamedAnswer(endpoint, REQUEST, (text) => tokens.push(text)),
  );
  expect(tokens).toEqual(["Grüß", " Gott"]);
  expect(answer).toMatchObject({ text: "Grüß Gott", tokens: 2 });
});

test("an error in the middle of the stream is an error", async () => {
  const pieces = [token("a"), '{"error":"out of memory"}\n'];
  await expect(
    answering({ pieces }, (endpoint) => streamedAnswer(endpoint, REQUEST, () => {})),
  ).rejects.toThrow("The answer broke off: out of memory");
});

test("a stream without its last line is an error", async () => {
  await expect(
    answering({ pieces: [token("a")] }, (endpoint) => streamedAnswer(endpoint, REQUEST, () => {})),
  ).rejects.toThrow("The answer broke off before its last line.");
});

test("a refusal shows status and words", async () => {
  await expect(
    answering({ status: 503, pieces: ['{"error":"no node"}'] }, (endpoint) =>
      streamedAnswer(endpoint, REQUEST, () => {}),
    ),
  ).rejects.toThrow('/api/chat answered 503: {"error":"no node"}');
});
