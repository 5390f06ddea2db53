import { X509Certificate } from "node:crypto";

import { expect, test } from "vitest";

import { makeKeyPair } from "../../../../../steps/nodes/key-pair.ts";
import { endOf } from "../../../../../templates/njs/pages/certificate.js";
import { TEST_CERTIFICATE } from "../../../../support/test-certificate.ts";

const byOpenssl = (pem: string) => Date.parse(new X509Certificate(pem).validTo);

test("the end of a certificate is what OpenSSL reads, with years of two and of four digits", async () => {
  const { certificate: untilSoon } = await makeKeyPair("mesh.internal", "server");
  for (const pem of [TEST_CERTIFICATE, untilSoon, `${untilSoon}${TEST_CERTIFICATE}`]) {
    expect(endOf(pem)).toBe(byOpenssl(pem));
  }
  expect(new Date(endOf(TEST_CERTIFICATE)).getUTCFullYear()).toBe(2126);
});

test.each([
  "",
  "no certificate",
  TEST_CERTIFICATE.slice(0, 120),
  "-----BEGIN CERTIFICATE-----AAAA-----END",
])("%j has none", (text) => {
  expect(() => endOf(text)).toThrow("no certificate");
});
