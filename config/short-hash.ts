import { createHash } from "node:crypto";

/** First hexadecimal digits of a text's SHA-256. */
export const shortHash = (text: string, digits = 6) =>
  createHash("sha256").update(text).digest("hex").slice(0, digits);
