// The bridge of a LAN of simulated machines.
import { createHash } from "node:crypto";

import { CommandError, run } from "../../toolchain/command.mjs";

/** Label of all that belongs to a LAN, with the LAN's name as its value. */
export const LABEL = "ollama-mesh-lab.lan";

/**
 * The bridge of a LAN, in the network that is kept for measurements (198.18.0.0/15): no real LAN is in it,
 * so that a route of this machine is never hidden.
 *
 * @param {string} name
 * @param {boolean} internal without a way out of the LAN
 * @returns {Promise<{network: string, subnet: string}>}
 */
export async function ensureBridge(name, internal) {
  const format = "{{(index .IPAM.Config 0).Subnet}}";
  const network = name;
  const there = await run("docker", ["network", "inspect", "--format", format, network]).catch(
    () => "",
  );
  if (there) return { network, subnet: there.trim() };
  const first = createHash("sha256").update(name).digest().readUInt16BE() % 512;
  for (let tried = 0; ; tried++) {
    const place = (first + tried) % 512;
    const subnet = `198.${18 + Math.floor(place / 256)}.${place % 256}.0/24`;
    const label = ["--label", `${LABEL}=${name}`, ...(internal ? ["--internal"] : [])];
    try {
      await run("docker", ["network", "create", "--subnet", subnet, ...label, network]);
      return { network, subnet };
    } catch (error) {
      const taken = error instanceof CommandError && /overlaps/.test(error.output);
      if (!taken || tried > 20) throw error;
    }
  }
}
