import leven from "leven";

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
  const sorted = [...problems].sort(
    (a, b) => compareTexts(a.path, b.path) || compareTexts(a.text, b.text),
  );
  const width = Math.max(...sorted.map(({ path }) => path.length));
  const count = sorted.length === 1 ? "1 problem" : `${sorted.length} problems`;
  return [
    `ollama-mesh: ${count} in the configuration`,
    ...sorted.map(({ path, text }) => `  ${path.padEnd(width)}  ${text}`),
  ].join("\n");
}

const COLLATOR = new Intl.Collator("en", { numeric: true });

/** As people order texts; those that people hold for equal, such as "a" and "a\0", by their code units. */
const compareTexts = (a: string, b: string) =>
  COLLATOR.compare(a, b) || (a < b ? -1 : a > b ? 1 : 0);

/** A value as it may stand in a message: short, on one line, and without what is inside it, which may be secret. */
export function show(value: unknown): string {
  if (value === undefined) return "nothing";
  if (Array.isArray(value)) return value.length > 0 ? "a list" : "an empty list";
  if (typeof value === "object" && value !== null) return "an object";
  if (typeof value === "function") return "a function";
  const text =
    typeof value === "string" ? JSON.stringify(value.replace(PASSWORD, "$1:***@")) : String(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

/** As in ssh://user:password@host, which people try; not the tag in name:tag@sha256:digest. */
const PASSWORD = /^((?:\w+:\/\/)?[^:@/\s]*):(?!\/\/).*@(?!sha256:)/s;

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
  const edits = (candidate: string) => leven(word.toLowerCase(), candidate.toLowerCase());
  const [best] = known
    .map((candidate) => ({ candidate, distance: edits(candidate) }))
    .sort((a, b) => a.distance - b.distance);
  return best && best.distance <= MOST_EDITS ? best.candidate : undefined;
}

/** A letter too many, two that changed places: more is another word. */
const MOST_EDITS = 2;
