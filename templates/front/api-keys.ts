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

/** Characters of a key, as the schema demands. */
const KEY = pattern`[A-Za-z0-9._~+/=-]+`;

/** Room for the entries of every map; nginx wants to know it before the first. */
export function mapSizes({ access }: BalancerPlan): Directive[] {
  const entries = access.apiKeys?.length ?? 0;
  return [
    directive("map_hash_bucket_size", MAP_TABLES.bucketBytes),
    directive(
      "map_hash_max_size",
      Math.max(MAP_TABLES.smallestBytes, 2 ** Math.ceil(Math.log2(entries * 4 + 1))),
    ),
  ];
}

/**
 * Finds the name of a request's key. The table is looked up without regard to case, as nginx's tables are,
 * and gives the key as declared; only one that is the same letter by letter is known then. One lookup,
 * however many keys there are.
 *
 * A request with two different keys has none: whose it is can't be told.
 */
export function apiKeyMaps({ access }: BalancerPlan): Directive[] {
  if (!access.apiKeys?.length) return [];
  return [
    because(
      "the name of the scheme is the only thing that may be written either way",
      map("$http_authorization", "$mesh_bearer", [
        entry("default", '""'),
        entry(pattern`^(?i:Bearer) +(?<mesh_bearer_key>${KEY})\z`, "$mesh_bearer_key"),
      ]),
    ),
    because(
      "by Authorization, by x-api-key, or the same key by both",
      map('"$mesh_bearer $http_x_api_key"', "$mesh_presented", [
        entry("default", '""'),
        entry(pattern`^(?<mesh_by_bearer>${KEY}) \z`, "$mesh_by_bearer"),
        entry(pattern`^ (?<mesh_by_header>${KEY})\z`, "$mesh_by_header"),
        entry(pattern`^(?<mesh_by_both>${KEY}) \k<mesh_by_both>\z`, "$mesh_by_both"),
      ]),
    ),
    map('":$mesh_presented"', "$mesh_declared", [
      entry("default", '""'),
      directive("include", API_KEYS_FILE),
    ]),
    because(
      "nginx's tables know no case, so the key found is compared with the key given",
      map('"$mesh_presented:$mesh_declared"', KEY_NAME, [
        entry("default", '""'),
        entry(
          pattern`^(?<mesh_same>[^:]+):\k<mesh_same>:(?<mesh_key_name>[^:]+)\z`,
          "$mesh_key_name",
        ),
      ]),
    ),
  ];
}

/**
 * Entries of the table, as `:KEY KEY:NAME`. The colon keeps a key from being read as an expression ("~...").
 * Keys and names need no quotes: their patterns know no character that nginx reads as anything but itself.
 */
export function keyEntries(keys: readonly ApiKey[]): Entry[] {
  const folded = Map.groupBy(keys, ({ key }) => key.toLowerCase());
  return keys
    .map(({ key, name }) => {
      // Keys that differ in case only have the same place in the table; as expressions they have not.
      const alone = folded.get(key.toLowerCase())!.length === 1;
      return entry(alone ? literal(`:${key}`) : pattern`^:${key}\z`, literal(`${key}:${name}`));
    })
    .sort((a, b) => (printKey(a.key) < printKey(b.key) ? -1 : 1));
}
