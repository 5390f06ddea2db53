import { parseNetwork } from "../../../config/net/ipv4-network.ts";
import { MESH_LABEL } from "../../../config/names.ts";
import { type FoundNetwork, isMeshNetwork } from "../../../plan/network-name.ts";

/** By which docker lists a mesh's networks, those of its nodes' guards among them. */
export const listNetworks = (mesh: string): string[] => [
  ...["network", "ls", "--filter", `label=${MESH_LABEL}=${mesh}`, "--format", "{{.Name}}"],
];

/** Of what that printed, those that balancer and nodes are in. */
export const meshNetworks = (mesh: string, printed: string): string[] =>
  printed.split("\n").filter((name) => isMeshNetwork(mesh, name));

/** By which docker tells of networks. */
export const inspectNetworks = (names: readonly string[]): string[] => [
  ...["network", "inspect", "--format", "{{.Name}}{{range .IPAM.Config}} {{.Subnet}}{{end}}"],
  ...names,
];

/** Reads what that printed. */
export const parseNetworks = (printed: string): FoundNetwork[] =>
  printed.split("\n").flatMap((line) => {
    const [name, subnet] = line.trim().split(" ");
    return name && subnet && parseNetwork(subnet) ? [{ name, subnet }] : [];
  });
