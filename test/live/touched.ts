// Which resources a change touches, in few words: what belongs to one node is said as one where all of it goes.

/** The parts of a managed node, as the ends of their resource names; "" is the container. */
const PARTS = ["turn", "", "ready", "admission"];

/** What each part sees when all of a node is made, replaced or removed. */
const WHOLE: Record<string, Record<string, string>> = {
  "create node": { turn: "create", "": "create", ready: "create", admission: "create" },
  "replace node": { turn: "update", "": "replace", ready: "replace", admission: "replace" },
  "delete node": { turn: "delete", "": "delete", ready: "delete", admission: "delete" },
};

/**
 * Says what a list of operations does.
 *
 * @param changes of a run, "op NAME"
 * @param mesh its name, which is left out
 */
export function touched(changes: readonly string[], mesh: string): string[] {
  const operations = new Map<string, string>();
  for (const change of changes) {
    const [op = "", urn = ""] = change.split(" ");
    const name = urn.startsWith(`${mesh}-`) ? urn.slice(mesh.length + 1) : urn;
    operations.set(name, together(operations.get(name), op));
  }
  const words: string[] = [];
  for (const node of nodesOf(operations)) {
    const names = PARTS.map((part) => (part ? `${node}-${part}` : node));
    const [whole] =
      Object.entries(WHOLE).find(([, parts]) =>
        PARTS.every((part, i) => operations.get(names[i]!) === parts[part]),
      ) ?? [];
    if (!whole) continue;
    words.push(`${whole} ${node}`);
    for (const name of names) operations.delete(name);
  }
  for (const [name, op] of operations) words.push(`${op} ${name}`);
  return words.sort();
}

/** A replacement is two operations; a roll that stops has done the first, and the next one does the second. */
function together(before: string | undefined, op: string): string {
  if (op === "delete-replaced") return before === "create" ? "replace" : "delete";
  if (op === "create-replacement") return before === "delete" ? "replace" : "create";
  return op;
}

function nodesOf(operations: ReadonlyMap<string, string>): string[] {
  return [...operations.keys()].flatMap((name) =>
    name.endsWith("-turn") ? [name.slice(0, -"-turn".length)] : [],
  );
}

/** The same with "op x", "op y" as "op x, y". */
export function inOneLine(words: readonly string[]): string {
  const groups = Map.groupBy(words, (word) => word.slice(0, word.lastIndexOf(" ")));
  return [...groups]
    .map(([op, all]) => `${op} ${all.map((word) => word.slice(op.length + 1)).join(", ")}`)
    .join("; ");
}

/** The most nodes that a change had out of traffic at the same time. */
export function mostOut(changes: readonly string[]): number {
  const out = new Set<string>();
  let most = 0;
  for (const change of changes) {
    const [op = "", name = ""] = change.split(" ");
    if (!name.endsWith("-admission")) continue;
    if (op === "delete-replaced") out.add(name);
    if (op === "create-replacement") out.delete(name);
    most = Math.max(most, out.size);
  }
  return most;
}
