/** Another nginx of the same balancer: the one before, which finishes its streams. All share their processes. */
import fs from "fs";

const MASTER = "nginx: master process";

/** Whether there is one: what it has in flight at a node is counted nowhere here. */
export function isBesideAnother() {
  const pids = fs.readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.filter(isMaster).length > 1;
}

/** @param {string} pid */
function isMaster(pid) {
  try {
    return fs.readFileSync(`/proc/${pid}/cmdline`, "utf8").startsWith(MASTER);
  } catch {
    return false; // it has ended
  }
}
