// What nginx says itself of requests that failed.
import { run } from "../../toolchain/command.mjs";

const ERROR = /\[(?:error|crit|alert|emerg)\] \d+#\d+: (?:\*\d+ )?(.*?)(?:, client: .*)?$/;

/** Errors in a log of nginx, without what differs from one request to the next, and how often each is there. */
export function errorsIn(log: string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const line of log.split("\n")) {
    const words = ERROR.exec(line)?.[1];
    if (words !== undefined) counts[words] = (counts[words] ?? 0) + 1;
  }
  return counts;
}

/**
 * What a balancer of this machine's engine has said since; nothing where it has none.
 *
 * @param since in milliseconds since the epoch
 */
export async function nginxErrors(container: string, since: number): Promise<string[]> {
  const command = `docker logs --since "$1" "$0" 2>&1`;
  const log = await run("sh", ["-c", command, container, new Date(since).toISOString()]).catch(
    () => "",
  );
  return Object.entries(errorsIn(log)).map(([words, count]) => `nginx, ${count} times: ${words}`);
}
