/** One nginx directive; knows none by name. */
export interface Directive {
  name: string;
  args: Argument[];
  block?: Directive[];
  /** Printed above it, on lines of its own. */
  comment?: string;
}

/** User text. It can only ever be a value, never syntax. */
export interface Literal {
  literal: string;
}

/** A string is nginx syntax that we wrote ($host, ~^/v1/); everything else must be a literal. */
export type Argument = string | number | Literal;

/** Marks user text as such. */
export const literal = (text: string): Literal => ({ literal: text });

/** A simple directive. */
export const directive = (name: string, ...args: Argument[]): Directive => ({ name, args });

/** A directive with a block. */
export const block = (name: string, args: Argument[], children: Directive[]): Directive => ({
  name,
  args,
  block: children,
});

/** A directive with the reason for it. */
export const because = (comment: string, of: Directive): Directive => ({ ...of, comment });

/** Prints directives as nginx reads them; the same tree gives the same bytes. */
export function print(directives: readonly Directive[], depth = 0): string {
  const indent = "    ".repeat(depth);
  return directives
    .map(({ name, args, block: children, comment }) => {
      const above = comment === undefined ? "" : printComment(comment, indent);
      const head = indent + [name, ...args.map(printArgument)].join(" ");
      if (!children) return `${above}${head};\n`;
      return `${above}${head} {\n${print(children, depth + 1)}${indent}}\n`;
    })
    .join("");
}

function printComment(comment: string, indent: string): string {
  if (/[\r\n]/.test(comment)) throw new RangeError("a comment must be one line");
  return `${indent}# ${comment}\n`;
}

function printArgument(argument: Argument): string {
  if (typeof argument === "object") return quoted(argument.literal);
  return String(argument);
}

/**
 * Quotes where nginx needs it. A dollar cannot be escaped in nginx, and control characters have no
 * business in any value we print.
 */
function quoted(text: string): string {
  if (/[$\u0000-\u001f\u007f]/.test(text)) {
    throw new RangeError(`nginx cannot hold this value: ${JSON.stringify(text)}`);
  }
  if (/^[\w./:=@~+,-]+$/.test(text)) return text;
  return `"${text.replace(/[\\"]/g, "\\$&")}"`;
}

/** JSON as one nginx token in single quotes, for `return` and `map`. It must hold no dollar. */
export function jsonText(value: unknown): string {
  const text = JSON.stringify(value);
  if (/[$'\\]/.test(text)) throw new RangeError(`nginx cannot hold this JSON: ${text}`);
  return `'${text}'`;
}
