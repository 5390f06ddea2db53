/**
 * What stands in a map under a name that is known to be there.
 *
 * @throws Error naming it where it is not: a mistake of ours, not of the user's
 */
export function byName<T>(map: ReadonlyMap<string, T>, name: string): T {
  const found = map.get(name);
  if (found === undefined)
    throw new Error(`there is no ${name} among ${[...map.keys()].join(", ")}`);
  return found;
}
