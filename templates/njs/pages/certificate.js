/** When the certificate of the front ends: for an alert, and for whoever looks at the page. */
import fs from "fs";

import { number, numbers } from "../memory.js";

/** Where the config lies that nginx serves with: see ../../nginx-layout.ts. */
const FOLDER = "/etc/nginx/mesh/current";

/** Milliseconds between two looks. */
const EVERY = 60_000;

/**
 * Milliseconds since the epoch; 0 where clients come without TLS, or it cannot be read.
 *
 * @param {number} now
 */
export function certificateEnd(now) {
  if (now - number("certificate_seen") >= EVERY) {
    numbers().set("certificate_seen", now);
    numbers().set("certificate_end", look());
  }
  return number("certificate_end");
}

/** What nginx was told is looked up in its config, so that it is the one that it serves with. */
function look() {
  try {
    const conf = fs.readFileSync(`${FOLDER}/nginx.conf`, "utf8");
    const [, path] = /^ *ssl_certificate "?([^";]+)"?;/m.exec(conf) ?? [];
    if (path === undefined) return 0;
    return endOf(fs.readFileSync(path[0] === "/" ? path : `${FOLDER}/${path}`, "utf8"));
  } catch {
    return 0;
  }
}

/**
 * Milliseconds since the epoch until which the first certificate of a chain is good. Source: RFC 5280, 4.1.
 *
 * @param {string} pem
 * @throws {Error} for what is no certificate
 */
export function endOf(pem) {
  const [, base64 = ""] = /-----BEGIN CERTIFICATE-----([^-]*)-----END/.exec(pem) ?? [];
  const der = Buffer.from(base64.replace(/\s/g, ""), "base64");
  let at = part(der, part(der, 0).from).from;
  // The version may be left out. Serial number, algorithm and issuer come before the validity.
  for (let before = der[at] === 0xa0 ? 4 : 3; before > 0; before--) at = part(der, at).to;
  const { from, to } = part(der, part(der, part(der, at).from).to);
  const text = der.toString("utf8", from, to);
  // Two digits of a year until 2049.
  const digits = text.length === 13 ? `20${text}` : text;
  /** @param {number} where */
  const two = (where) => Number(digits.slice(where, where + 2));
  const year = Number(digits.slice(0, 4));
  return Date.UTC(year, two(4) - 1, two(6), two(8), two(10), two(12));
}

/**
 * Where the content of a value in DER begins and ends.
 *
 * @param {Buffer} der
 * @param {number} at
 * @throws {Error} where it is not within
 */
function part(der, at) {
  let length = der[at + 1] ?? 0;
  let from = at + 2;
  if (length > 0x7f) {
    const bytes = length & 0x7f;
    length = 0;
    for (let count = 0; count < bytes; count++) length = length * 256 + (der[from + count] ?? 0);
    from += bytes;
  }
  const to = from + length;
  if (to > der.length) throw new Error("no certificate");
  return { from, to };
}
