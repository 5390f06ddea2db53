import { expect, test } from "vitest";

import { explainPull, pullArgs } from "../../../../steps/models/model-pull.ts";

test("Ollama is told to take a registry without TLS at its word only where http:// says so", () => {
  expect(pullArgs("lab.models", "llama3.2")).toEqual([
    ...["exec", "lab.models", "ollama", "pull", "llama3.2"],
  ]);
  expect(pullArgs("lab.models", "http://registry.lan/a/b")).toEqual([
    ...["exec", "lab.models", "ollama", "pull", "--insecure", "http://registry.lan/a/b"],
  ]);
});

const CONNECT = `could not be downloaded, because its registry cannot be reached from the host; mend the connection, or get the model on the machine that runs pulumi (ollama pull m): it is copied from there`;

test.each([
  [
    "pull model manifest: file does not exist",
    "does not exist in its registry; correct the name in `models`",
    { unreachable: false, elsewhere: true },
  ],
  [
    'pull model manifest: Get "https://registry.ollama.ai/v2/": dial tcp: lookup registry.ollama.ai: no such host',
    CONNECT,
    { unreachable: true, elsewhere: true },
  ],
  [
    "max retries exceeded: Get ...: net/http: TLS handshake timeout",
    CONNECT,
    { unreachable: true },
  ],
  [
    "write /root/.ollama/models/blobs/sha256-a-partial: no space left on device",
    "does not fit on the host's disk; free some space there",
    { unreachable: false, elsewhere: false },
  ],
  [
    "max retries exceeded: unexpected EOF",
    "could not be downloaded; mend what Ollama says, and run pulumi up again: it goes on where it ended",
    { unreachable: false, elsewhere: false },
  ],
])("a download that ends by %j has its way out", (said, wayOut, kind) => {
  // As on a terminal: with what Ollama draws before it.
  const stderr = `\u001b[?25lpulling manifest\u001b[K\n\u001b[?25hError: ${said}\n`;
  const error = explainPull("ssh://gpu1", "m", stderr);
  expect(error).toMatchObject({
    message: `model m ${wayOut}\n  on ssh://gpu1, Ollama says: Error: ${said}`,
    ...kind,
  });
});
