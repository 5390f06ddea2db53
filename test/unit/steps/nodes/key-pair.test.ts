import { X509Certificate } from "node:crypto";

import { expect, test } from "vitest";

import { makeKeyPair } from "../../../../steps/nodes/key-pair.ts";

test("a certificate has another name than any other: OpenSSL would take that for its authority", async () => {
  const pairs = await Promise.all([1, 2].map(() => makeKeyPair("far.lab.internal", "client")));
  const names = pairs.map(({ certificate }) => new X509Certificate(certificate).subject);
  expect(names[0]).toMatch(/^CN=ollama-mesh [0-9a-f]{16}$/);
  expect(names[1]).not.toBe(names[0]);
});
