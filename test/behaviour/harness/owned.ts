/** Takes something over, to be disposed of at the end. */
export type Own = <T extends AsyncDisposable>(thing: T) => T;

/** Runs work and disposes of what it took over, last first. For programs that plain node runs: it has no `await using`. */
export async function owning<T>(work: (own: Own) => Promise<T>): Promise<T> {
  const things: AsyncDisposable[] = [];
  try {
    return await work((thing) => {
      things.push(thing);
      return thing;
    });
  } finally {
    for (const thing of things.reverse()) await thing[Symbol.asyncDispose]();
  }
}
