/** User text. It can only ever be a value, never syntax. */
export interface Literal {
  literal: string;
  /** In quotes even where nginx needs none, as the config lies in stacks' states. */
  quotes?: true;
}

/** An expression (PCRE) of a map. User text in it stands for itself: see pattern. */
export interface Pattern {
  pattern: string;
  /** Without quotes, as the config lies in stacks' states. */
  quotes?: false;
}

/** A string is one word of nginx syntax that we wrote ($host, on, "$a:$b"); everything else must be a literal. */
export type Argument = string | number | Literal;

/** What an entry of a map or geo goes by. */
export type Key = "default" | Literal | Pattern;

/** Marks user text as such. */
export const literal = (text: string): Literal => ({ literal: text });

/** User text that always stands in quotes. */
export const quoted = (text: string): Literal => ({ literal: text, quotes: true });

/**
 * An expression: what is written in the template is its syntax, a text that is put in stands for itself,
 * whatever it holds, and an expression that is put in stays one.
 *
 * @example pattern`^:${key}\z`
 */
export const pattern = (
  { raw }: TemplateStringsArray,
  ...parts: readonly (string | number | Pattern)[]
): Pattern => ({
  pattern: raw
    .map((syntax, at) => syntax + (at < parts.length ? inPattern(parts[at]!) : ""))
    .join(""),
});

/** An expression for any of some texts. */
export const anyOf = (texts: readonly string[]): Pattern => ({
  pattern: texts.map(inPattern).join("|"),
});

function inPattern(part: string | number | Pattern): string {
  if (typeof part === "object") return part.pattern;
  return String(part).replace(/[\\^$.|?*+()[\]{}]/g, "\\$&");
}

/**
 * An argument as nginx reads it as one word.
 *
 * @throws RangeError for syntax that is not one word, and for a literal that nginx cannot hold
 */
export function printArgument(argument: Argument): string {
  if (typeof argument === "object") return printLiteral(argument);
  const word = String(argument);
  if (!ONE_WORD.test(word)) throw new RangeError(`not one word to nginx: ${JSON.stringify(word)}`);
  return word;
}

/** Bare or in quotes; the bracket closes an `if`. */
const ONE_WORD = /^([^\s;{}"'#\\]([^\s;{}\\]|\\[^\s;{}])*|("([^"\\]|\\.)*"|'([^'\\]|\\.)*')\)?)$/;

/**
 * The key of an entry as nginx reads it: a literal is never taken for an expression or for a parameter of the block.
 *
 * @throws RangeError for text that nginx cannot hold
 */
export function printKey(key: Key): string {
  if (key === "default") return key;
  if ("pattern" in key) return printPattern(key);
  // nginx takes one backslash away from a key, and what follows for a value.
  const escaped = SPECIAL_KEY.test(key.literal) ? `\\${key.literal}` : key.literal;
  return printLiteral({ ...key, literal: escaped });
}

/** Expressions, escapes, and the parameters of map and geo. */
const SPECIAL_KEY =
  /^([~\\]|(default|hostnames|include|volatile|delete|proxy|proxy_recursive|ranges)$)/;

/** A dollar cannot be escaped in nginx, and control characters have no business in any value we print. */
function printLiteral({ literal: text, quotes }: Literal): string {
  if (/[$\u0000-\u001f\u007f]/.test(text)) {
    throw new RangeError(`nginx cannot hold this value: ${JSON.stringify(text)}`);
  }
  if (!quotes && /^[\w./:=@~+,-]+$/.test(text)) return text;
  return `"${text.replace(/[\\"]/g, "\\$&")}"`;
}

/** nginx takes a backslash away before quotes, t, r, n and another one; before anything else it leaves both to PCRE. */
function printPattern({ pattern: source, quotes }: Pattern): string {
  if (/[\u0000-\u001f\u007f]/.test(source)) {
    throw new RangeError(`nginx cannot hold this expression: ${JSON.stringify(source)}`);
  }
  const kept = source.replace(/\\(?=[\\"'trn]|$)/g, "\\\\");
  if (quotes === false) return printArgument(`~${kept}`);
  return kept.includes('"') ? `'~${kept.replaceAll("'", "\\'")}'` : `"~${kept}"`;
}

/**
 * JSON as one word in single quotes, for `return` and `map`.
 *
 * @throws RangeError where it holds a dollar, which nginx takes for a variable, a single quote or a backslash
 */
export function jsonText(value: unknown): string {
  const text = JSON.stringify(value);
  if (/[$'\\]/.test(text)) throw new RangeError(`nginx cannot hold this JSON: ${text}`);
  return `'${text}'`;
}
