import { createHash } from "node:crypto";

/**
 * Name of a shared memory zone that tells what it is made of. nginx takes zones over at a reload by their
 * name: one whose key has changed passes `nginx -t` and fails only then, while the old config goes on.
 */
export function zoneName(purpose: string, ...madeOf: readonly (string | number)[]): string {
  const hash = createHash("sha256").update(JSON.stringify(madeOf)).digest("hex");
  return `mesh_${purpose}_${hash.slice(0, 8)}`;
}
