import { randomBytes } from "node:crypto";

/** 192 bits: nobody guesses it, and nobody finds it by its hash. */
const BYTES = 24;

/** Makes a password. What is printed is secret, and is made once: it is kept in the state. */
export const makePassword = (_input: object): Promise<{ password: string }> =>
  Promise.resolve({ password: randomBytes(BYTES).toString("base64url") });
