import { run } from "../../../toolchain/command.mjs";
import { ownStackName } from "../../engine/support/leftovers.ts";

/** This machine's engine. */
export const ENGINE = "unix:///var/run/docker.sock";

/** Runs the docker command on this machine's engine. */
export const docker = (...args: string[]): Promise<string> =>
  run("docker", ["-H", ENGINE, ...args]);

/** A name that no other run has, and by which a later one knows what this one left. */
export const uniqueName = (what: string) => `mesh-${ownStackName()}-${what}`;

/** Address of this machine on Docker's default bridge, where containers reach toy nodes. */
export async function bridgeAddress(): Promise<string> {
  const format = "{{range .IPAM.Config}}{{.Gateway}},{{.Subnet}} {{end}}";
  const [config = ""] = (await docker("network", "inspect", "bridge", "--format", format)).split(
    " ",
  );
  const [gateway, subnet = ""] = config.split(",");
  // An engine that made the bridge by itself names no gateway: it is the network's first address.
  return gateway || subnet.replace(/\d+\/\d+$/, "1");
}
