/** The engine counts billionths of a CPU. */
const SMALLEST = 1e-9;

/** Whether a number of CPUs comes back as it is told; 0.05 and 10.05 come back as 0.1 and 10.1, rounded by the provider. */
export const isReadBack = (cpus: number): boolean =>
  Math.abs(Number(cpusText(cpus)) - cpus) < SMALLEST;

/**
 * A number of CPUs as Pulumi's docker provider reads it back from the engine. Any other text of the same number ("1"
 * for "1.0") is a difference for it in every preview, and replaces the container in every `up`.
 *
 * Source: nanoInt64ToDecimalString in the provider's terraform-provider-docker, also for "10.", which it reads so.
 */
export function cpusText(cpus: number): string {
  const text = cpus.toFixed(9);
  const zeros = text.split("0").length - 1;
  return zeros === 9 ? cpus.toFixed(1) : text.replace(/0+$/, "");
}
