import { readFileSync } from "node:fs";

const PROGRAM = readFileSync(new URL("keep-ports.pl", import.meta.url), "utf8");

/** perl is in the Debian image of nginx; without it nothing stands by, and all else is the same. */
const START = 'command -v perl >/dev/null || exec sleep infinity; exec perl -e "$@"';

/**
 * Process 1 of the balancer's container: see keep-ports.pl.
 *
 * @param config nginx's
 * @param ports inside the container, the clients' first
 */
export const keepPortsCommand = (config: string, ports: readonly number[]): string[] => [
  ...["sh", "-c", START, "sh", PROGRAM, config, ...ports.map(String)],
];
