/** Which config nginx serves with, and what lies beside it in the config volume. */
import fs from "fs";

import { json, texts } from "../memory.js";

/** Where the config volume is mounted: see ../nginx-layout.ts. */
const FOLDER = "/etc/nginx/mesh";

/** Where nginx says which config it serves with: see ../nginx-layout.ts. */
const HASH_URL = "http://unix:/tmp/mesh.sock:/config-hash";

/** @typedef {import("../../status/mesh-status.ts").RoutedStatus["config"]} ServedConfig */

/** @returns {ServedConfig} */
export const servedConfig = () => json("config", { hash: "", since: 0, current: true });

/** Looks which config serves, and remembers since when. A part of the poll. */
export async function lookAtConfig() {
  try {
    const answer = await ngx.fetch(HASH_URL, { headers: { Host: "localhost" } });
    if (answer.status !== 200) return;
    const hash = (await answer.text()).trim();
    const before = servedConfig();
    const since = before.hash === hash ? before.since : Date.now();
    const kept = fs.realpathSync(`${FOLDER}/current`).split("/");
    const current = kept[kept.length - 1] === hash;
    texts().set("config", JSON.stringify({ hash, since, current }));
  } catch {
    // Asked again at the next poll.
  }
}

/** Nodes that are declared and get no requests, by what the steps keep of the mesh beside the config. */
export function away() {
  try {
    const text = fs.readFileSync(`${FOLDER}/mesh.json`, "utf8");
    /** @type {{servers?: Record<string, {line: string}>, expected?: string[]}} */
    const { servers = {}, expected = [] } = JSON.parse(text);
    return {
      maintenance: Object.entries(servers)
        .filter(([, { line }]) => / down( |;|$)/.test(line))
        .map(([name]) => name),
      out: expected.filter((name) => !(name in servers)),
    };
  } catch {
    return { maintenance: [], out: [] };
  }
}
