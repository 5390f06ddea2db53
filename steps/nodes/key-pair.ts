import { generateKeyPair, randomBytes } from "node:crypto";
import { promisify } from "node:util";
import { GUARD } from "../../config/defaults.ts";

const DAY_MS = 86_400_000;
/** A clock of another machine may be behind. */
const BEFORE_DAYS = 2;

/** A certificate and its key, in PEM. */
export interface KeyPair {
  certificate: string;
  key: string;
}

/**
 * Makes a key, and a certificate that it signs itself: whoever is given the certificate trusts nothing else.
 *
 * @param name host name that it is for
 * @param use server or client: it is good for nothing else
 */
export async function makeKeyPair(name: string, use: "server" | "client"): Promise<KeyPair> {
  // Node makes keys but no certificates. Not at the top: every step would wait for it.
  const { default: forge } = await import("node-forge");
  const { publicKey, privateKey } = await promisify(generateKeyPair)("rsa", {
    modulusLength: GUARD.keyBits,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  const made = forge.pki.createCertificate();
  made.publicKey = forge.pki.publicKeyFromPem(publicKey);
  // Positive, as the standard wants it.
  made.serialNumber = `01${randomBytes(15).toString("hex")}`;
  made.validity.notBefore = new Date(Date.now() - BEFORE_DAYS * DAY_MS);
  made.validity.notAfter = new Date(Date.now() + GUARD.certificateYears * 365 * DAY_MS);
  // A name of its own: of two that a guard trusts OpenSSL would take the other one for its authority, and refuse it.
  const value = `ollama-mesh ${randomBytes(8).toString("hex")}`;
  const subject = [{ name: "commonName", value }];
  made.setSubject(subject);
  made.setIssuer(subject);
  made.setExtensions([
    // OpenSSL takes a certificate for its own authority only where it may sign.
    { name: "basicConstraints", critical: true, cA: true, pathLenConstraint: 0 },
    { name: "keyUsage", critical: true, digitalSignature: true, keyCertSign: true },
    { name: "extKeyUsage", [`${use}Auth`]: true },
    { name: "subjectAltName", altNames: [{ type: 2, value: name }] },
    { name: "subjectKeyIdentifier" },
  ]);
  made.sign(forge.pki.privateKeyFromPem(privateKey), forge.md.sha256.create());
  const certificate = forge.pki.certificateToPem(made).replaceAll("\r\n", "\n");
  return { certificate, key: privateKey };
}
