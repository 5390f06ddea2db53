/** A directive as nginx reads it: quotes and escapes resolved, comments gone. */
export interface Read {
  name: string;
  args: string[];
  block?: Read[];
}

type Token = { word: string } | ";" | "{" | "}";

/** Reads a config by the rules of nginx's ngx_conf_read_token. */
export function readNginx(text: string): Read[] {
  const tokens = tokenize(text);
  const { directives, next } = readBlock(tokens, 0);
  if (next !== tokens.length) throw new SyntaxError('unexpected "}"');
  return directives;
}

function readBlock(tokens: Token[], from: number): { directives: Read[]; next: number } {
  const directives: Read[] = [];
  let words: string[] = [];
  for (let at = from; at < tokens.length; at++) {
    const token = tokens[at]!;
    if (typeof token === "object") {
      words.push(token.word);
      continue;
    }
    if (token === "}") {
      if (words.length > 0) throw new SyntaxError('unexpected "}" in a directive');
      return { directives, next: at };
    }
    const [name, ...args] = words;
    if (name === undefined) throw new SyntaxError(`unexpected "${token}"`);
    words = [];
    if (token === ";") {
      directives.push({ name, args });
      continue;
    }
    const inner = readBlock(tokens, at + 1);
    if (tokens[inner.next] !== "}") throw new SyntaxError(`block ${name} does not end`);
    directives.push({ name, args, block: inner.directives });
    at = inner.next;
  }
  if (words.length > 0) throw new SyntaxError(`directive ${words[0]} does not end`);
  return { directives, next: tokens.length };
}

function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < text.length) {
    const char = text[at]!;
    if (/[ \t\r\n]/.test(char)) at++;
    else if (char === "#") at = lineEnd(text, at);
    else if (char === ";" || char === "{" || char === "}") {
      tokens.push(char);
      at++;
    } else {
      const read = char === '"' || char === "'" ? quotedWord(text, at, char) : bareWord(text, at);
      tokens.push({ word: read.word });
      at = read.next;
    }
  }
  return tokens;
}

function lineEnd(text: string, at: number): number {
  const end = text.indexOf("\n", at);
  return end < 0 ? text.length : end;
}

function quotedWord(text: string, from: number, quote: string): { word: string; next: number } {
  let word = "";
  for (let at = from + 1; at < text.length; at++) {
    if (text[at] === quote) {
      if (!/^[\s;{)]/.test(text.slice(at + 1, at + 2) || " ")) {
        throw new SyntaxError(`unexpected "${text[at + 1]}" after a quoted word`);
      }
      return { word, next: at + 1 };
    }
    const escape = escaped(text, at);
    word += escape?.char ?? text[at];
    if (escape) at++;
  }
  throw new SyntaxError("a quoted word does not end");
}

function bareWord(text: string, from: number): { word: string; next: number } {
  let word = "";
  let at = from;
  for (; at < text.length; at++) {
    if (text.startsWith("${", at)) {
      word += "${";
      at++;
      continue;
    }
    if (/[\s;{]/.test(text[at]!)) break;
    const escape = escaped(text, at);
    word += escape?.char ?? text[at];
    if (escape) at++;
  }
  return { word, next: at };
}

const ESCAPES: Record<string, string> = {
  '"': '"',
  "'": "'",
  "\\": "\\",
  t: "\t",
  r: "\r",
  n: "\n",
};

/** What a backslash and its next character mean; undefined where nginx keeps both. */
function escaped(text: string, at: number): { char: string } | undefined {
  if (text[at] !== "\\") return undefined;
  const char = ESCAPES[text[at + 1] ?? ""];
  return char === undefined ? undefined : { char };
}

/** The directives of a name anywhere in a config, in order. */
export function everywhere(directives: readonly Read[], name: string): Read[] {
  return directives.flatMap((each) => [
    ...(each.name === name ? [each] : []),
    ...everywhere(each.block ?? [], name),
  ]);
}

/** The directives inside a block, found by name and first arguments: inside(conf, "http", "upstream ollama"). */
export function inside(directives: readonly Read[], ...path: string[]): Read[] {
  let level = directives;
  for (const step of path) {
    const found = level.find(
      ({ name, args, block }) => block && `${[name, ...args].join(" ")} `.startsWith(`${step} `),
    );
    if (!found?.block) throw new Error(`no block ${step} in ${path.join(" > ")}`);
    level = found.block;
  }
  return [...level];
}
