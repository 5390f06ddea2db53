import type { ApiKeyArgs } from "../../config/balancer-args.ts";
import type { Known } from "../../config/mesh-config.ts";
import type { BalancerPlan } from "../../plan/balancer-plan.ts";
import { because, type Directive, directive, type Entry, entry, map } from "../directive.ts";
import { literal, pattern, printKey } from "../words.ts";
import { MAP_TABLES } from "../tuning.ts";
import { KEY_NAME } from "../variables.ts";

type ApiKey = Known<ApiKeyArgs>;

/** File with the entries of the map that knows the keys; see keyEntries. */
export const API_KEYS_FILE = "api-keys.conf";

/** Whether clients need a key. */
export const hasApiKeys = ({ access }: Pick<BalancerPlan, "access">): boolean =>
  Boolean(access.apiKeys?.length);

/** Whether the program may refuse what only reads: a key expires, or may not use every model. */
export const hasLimitedKeys = ({ access }: Pick<BalancerPlan, "access">): boolean =>
  (access.apiKeys ?? []).some(({ models, expires }) => models ?? expires);

/** Characters of a key, as the schema demands. */
const KEY = pattern`[A-Za-z0-9._~+/=-]+`;

/** Room for the entries of every map; nginx wants to know it before the first. */
export function mapSizes({ access }: BalancerPlan): Directive[] {
  const entries = access.apiKeys?.length ?? 0;
  return [
    // Each map and each group of an expression is a variable; nginx's own limit of 1024 has no room for all.
    directive("variables_hash_max_size", MAP_TABLES.variables),
    directive("map_hash_bucket_size", MAP_TABLES.bucketBytes),
    directive(
      "map_hash_max_size",
      Math.max(MAP_TABLES.smallestBytes, 2 ** Math.ceil(Math.log2(entries * 12 + 1))),
    ),
  ];
}

/**
 * Finds the name of a request's key. The table is looked up without regard to case, as nginx's tables are,
 * and gives the key as declared; only one that is the same letter by letter is known then. One lookup
 * for each way that keys come in, however many there are.
 *
 * What is not known does not count beside a key that is: clients send tokens of other services, or dummies. A request
 * with the keys of two people has none: whose it is can't be told.
 */
export function apiKeyMaps({ access }: BalancerPlan): Directive[] {
  if (!access.apiKeys?.length) return [];
  return [
    because(
      "the name of the scheme is the only thing that may be written either way",
      map("$http_authorization", "$mesh_bearer", [
        entry("default", '""'),
        entry(pattern`^(?i:Bearer) +(?<mesh_bearer_key>${KEY})\z`, "$mesh_bearer_key"),
        entry(
          pattern`^(?i:Basic) +(?<mesh_basic_key>[A-Za-z0-9+/=]{1,600})\z`,
          `"${BASIC}$mesh_basic_key"`,
        ),
      ]),
    ),
    map("$http_x_api_key", "$mesh_x_api_key", [
      entry("default", '""'),
      entry(pattern`^(?<mesh_header_key>${KEY})\z`, "$mesh_header_key"),
    ]),
    ...(["bearer", "x_api_key"] as const).flatMap((by) => ownerOf(by)),
    because(
      "by Authorization, by x-api-key, or the same key by both",
      map('"$mesh_bearer_owner:$mesh_x_api_key_owner"', KEY_NAME, [
        entry("default", '""'),
        entry(pattern`^(?<mesh_by_bearer>[^:]+):\z`, "$mesh_by_bearer"),
        entry(pattern`^:(?<mesh_by_header>[^:]+)\z`, "$mesh_by_header"),
        entry(pattern`^(?<mesh_by_both>[^:]+):\k<mesh_by_both>\z`, "$mesh_by_both"),
      ]),
    ),
  ];
}

/** $mesh_..._owner: the name of the key that came in one of the two ways; empty where it is none that is known. */
const ownerOf = (by: "bearer" | "x_api_key"): Directive[] => [
  map(`":$mesh_${by}"`, `$mesh_${by}_declared`, [
    entry("default", '""'),
    directive("include", API_KEYS_FILE),
  ]),
  because(
    "nginx's tables know no case, so the key found is compared with the key given",
    map(`"$mesh_${by}:$mesh_${by}_declared"`, `$mesh_${by}_owner`, [
      entry("default", '""'),
      entry(
        pattern`^(?<mesh_same>[^:]+):\k<mesh_same>:(?<mesh_key_name>[^:]+)\z`,
        "$mesh_key_name",
      ),
    ]),
  ),
];

/**
 * The same key for clients that know only Basic: as the password of the user that has its name, or as a user without one.
 * nginx decodes nothing, so what they send stands in the table, behind a word that no key begins with by chance.
 */
const asBasic = ({ key, name }: ApiKey): ApiKey[] =>
  [`${name}:${key}`, `${key}:`].map((text) => ({
    key: `${BASIC}${Buffer.from(text).toString("base64")}`,
    name,
  }));

const BASIC = "Basic.";

/**
 * Entries of the table, as `:KEY KEY:NAME`. The colon keeps a key from being read as an expression ("~...").
 * Keys and names need no quotes: their patterns know no character that nginx reads as anything but itself.
 */
export function keyEntries(declared: readonly ApiKey[]): Entry[] {
  const keys = declared.flatMap((each) => [each, ...asBasic(each)]);
  const folded = Map.groupBy(keys, ({ key }) => key.toLowerCase());
  return keys
    .map(({ key, name }) => {
      // Keys that differ in case only have the same place in the table; as expressions they have not.
      const alone = folded.get(key.toLowerCase())!.length === 1;
      return entry(alone ? literal(`:${key}`) : pattern`^:${key}\z`, literal(`${key}:${name}`));
    })
    .sort((a, b) => (printKey(a.key) < printKey(b.key) ? -1 : 1));
}
