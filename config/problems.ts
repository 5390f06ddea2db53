/** One mistake in the configuration. */
export interface Problem {
  /** Where, as the user wrote it: nodes[1].port */
  path: string;
  /** What is wrong, the value, and the way out where it is not obvious. */
  text: string;
}

/** Thrown for mistakes in the configuration; the message lists all of them. */
export class ConfigurationError extends Error {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(formatProblems(problems));
    this.name = "ConfigurationError";
    this.problems = problems;
  }
}

/** One line per problem, sorted by path with list positions as numbers, the texts in one column. */
export function formatProblems(problems: readonly Problem[]): string {
  const order = new Intl.Collator("en", { numeric: true });
  const sorted = [...problems].sort(
    (a, b) => order.compare(a.path, b.path) || order.compare(a.text, b.text),
  );
  const width = Math.max(...sorted.map(({ path }) => path.length));
  const count = sorted.length === 1 ? "1 problem" : `${sorted.length} problems`;
  return [
    `ollama-mesh: ${count} in the configuration`,
    ...sorted.map(({ path, text }) => `  ${path.padEnd(width)}  ${text}`),
  ].join("\n");
}

/** A value as it may stand in a message: short, on one line, and without what is inside it, which may be secret. */
export function show(value: unknown): string {
  if (value === undefined) return "nothing";
  if (Array.isArray(value)) return value.length > 0 ? "a list" : "an empty list";
  if (typeof value === "object" && value !== null) return "an object";
  if (typeof value === "function") return "a function";
  const text = typeof value === "string" ? JSON.stringify(value) : String(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

/** nodes, 1, port -> nodes[1].port; a key that is no word is quoted, so that it stays on its line. */
export function dotPath(path: readonly PropertyKey[]): string {
  return path
    .map((part, i) => {
      if (typeof part === "number") return `[${part}]`;
      const key = String(part);
      return /^[\w-]{1,60}$/.test(key) ? `${i ? "." : ""}${key}` : `[${show(key)}]`;
    })
    .join("");
}

/** Of the known words, the one that a typo most likely meant: at most two edits away, else none. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const ranked = known
    .map((candidate) => ({ candidate, edits: editDistance(word, candidate) }))
    .sort((a, b) => a.edits - b.edits);
  const best = ranked[0];
  return best && best.edits <= 2 ? best.candidate : undefined;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1]!.toLowerCase() === b[j - 1]!.toLowerCase();
      next[j] = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (same ? 0 : 1));
    }
    row = next;
  }
  return row[b.length]!;
}
