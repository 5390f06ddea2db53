/**
 * Places in the rendered text that are filled in while the mesh runs, as nodes come and go. Each is a line of its
 * own, which no user text can imitate: it holds no line breaks. The lines lie in stacks' states and in the volumes
 * of running balancers, so they stay as they are.
 */
const LINES = {
  /** In the group: the admitted nodes' server lines. */
  servers: "# @admitted-nodes@;",
  /** In the map of addresses: the admitted nodes' names. */
  names: "# @node-names@;",
  /** In the http block: the admitted nodes' hops. */
  hops: "# @tls-hops@;",
} as const;

/** "servers:NAME" is that of a pool's group. */
export type SlotName = keyof typeof LINES | `servers:${string}`;

/** Stands where nginx tells which config serves; the hash of the finished text takes its place. */
export const HASH_MARK = "@config-hash@";

/** The line of a slot, without its indentation. */
export const slotLine = (slot: SlotName): string =>
  isOfPool(slot) ? `# @admitted-nodes:${slot.slice(OF_POOL.length)}@;` : LINES[slot];

const OF_POOL = "servers:";

const isOfPool = (slot: SlotName): slot is `servers:${string}` => slot.startsWith(OF_POOL);

/** The pools whose slots a text has. */
export const poolsIn = (text: string): string[] =>
  [...text.matchAll(POOL_SLOT)].map(([, pool = ""]) => pool);

const POOL_SLOT = /^ *# @admitted-nodes:([a-z0-9-]+)@;\n/gm;

/**
 * Puts text in the places of slots. It may bring no slots of its own, and a slot that the text has not, as one of
 * an older version, is left out.
 *
 * @param contents what stands in each: whole lines, indented; each gets the slot's own indentation
 */
export const fillSlots = (
  text: string,
  contents: Readonly<Record<keyof typeof LINES, (indent: string) => string>> & {
    servers: (indent: string, pool?: string) => string;
  },
): string =>
  text
    .replace(POOL_SLOT, (line, pool: string) =>
      contents.servers(line.slice(0, line.indexOf("#")), pool),
    )
    .replace(ANY_SLOT, (_, indent: string, line: string) => contents[NAMES.get(line)!](indent));

const NAMES = new Map(
  Object.entries(LINES).map(([name, line]) => [line as string, name as keyof typeof LINES]),
);

const ANY_SLOT = new RegExp(`^( *)(${[...NAMES.keys()].join("|")})\n`, "gm");

/** Puts the hash where nginx tells it. */
export const fillHash = (text: string, hash: string): string =>
  text.replace(ANY_HASH, `$1${hash};`);

const ANY_HASH = new RegExp(`^( *return 200 )${HASH_MARK};$`, "gm");
