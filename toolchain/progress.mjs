// What a person sees while long work runs: which step, how far, how long. On stderr: stdout is the command's.

const HEARTBEAT_MS = 10_000;

/** @param {number} since */
const elapsed = (since) => `${((Date.now() - since) / 1000).toFixed(1)} s`;

/**
 * Runs one named step: says that it began, every ten seconds how far it is, and how long it took.
 *
 * @template T
 * @param {string} title what happens, in the words of the user
 * @param {(detail: (text: string) => void) => Promise<T> | T} work calls `detail` with the newest line worth showing
 * @returns {Promise<T>}
 */
export async function step(title, work) {
  const began = Date.now();
  let newest = "";
  console.error(`> ${title}`);
  const heartbeat = setInterval(
    () => console.error(`  ... ${elapsed(began)}${newest && `  ${newest}`}`),
    HEARTBEAT_MS,
  );
  try {
    const result = await work((text) => {
      newest = text.trim().slice(0, 100);
    });
    console.error(`  done in ${elapsed(began)}${newest && `  (${newest})`}`);
    return result;
  } catch (error) {
    console.error(`  failed after ${elapsed(began)}`);
    throw error;
  } finally {
    clearInterval(heartbeat);
  }
}
