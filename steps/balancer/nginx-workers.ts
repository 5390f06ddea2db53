import { readFileSync } from "node:fs";

/** Shell functions beside nginx's processes: `workers`, and `taking IDS`. */
export const WORKERS = readFileSync(new URL("nginx-workers.sh", import.meta.url), "utf8");
