import { describeProblems } from "../../steps/hosts/host-problem.ts";
import { hostsTable } from "../../steps/hosts/hosts-table.ts";
import type { FoundMachine } from "./machine.ts";
import type { Proposal } from "./proposal.ts";
import type { FoundAddress } from "./range.ts";

/** All that was found. */
export interface Found {
  machines: readonly FoundMachine[];
  addresses: readonly FoundAddress[];
  /** Networks whose addresses were asked. */
  ranges: readonly string[];
  proposal: Proposal;
  stackFile: string;
}

/** What was found, for a person. */
export function report({ machines, addresses, ranges, proposal, stackFile }: Found): string {
  const sections = [
    hostsTable(machines.map(({ inspection }) => inspection)),
    machines.flatMap(({ inspection }) =>
      describeProblems(inspection.endpoint, inspection.problems),
    ),
    [...machines.flatMap(seenOn), ...addresses.map(seenAt)],
    ["Asked, and nothing else:", ...ranges.map(askedIn), ...machines.flatMap(askedOf)],
    proposal.nodes.length > 0
      ? ["A stack file for them:", "", stackFile.trimEnd()]
      : ["Nothing was found that could be a node; each machine's problem stands above."],
  ];
  const full = sections.filter((lines) => lines.length > 0);
  return `${full.map((lines) => lines.join("\n")).join("\n\n")}\n`;
}

function seenOn({ endpoint, around, open, meshes }: FoundMachine): string[] {
  const gpus = (around?.gpus ?? []).map(
    ({ vendor, index, name, memoryGiB }) =>
      `${vendor} ${index}${name && ` (${name})`}${memoryGiB ? `, ${memoryGiB} GiB` : ""}`,
  );
  const ollama = open ?? around?.ollama;
  const seen = [
    ...gpus,
    ...(ollama ? [`Ollama ${ollama.version} with ${ollama.models.join(", ") || "no model"}`] : []),
    ...meshes.map((mesh) => `containers of the mesh ${mesh}`),
  ];
  return seen.length > 0 ? [`${endpoint}: ${seen.join("; ")}`] : [];
}

const seenAt = ({ address, ollama }: FoundAddress): string =>
  `${address}: Ollama ${ollama.version} with ${ollama.models.join(", ") || "no model"}`;

const askedIn = (range: string): string =>
  `  ${range}, each address: a connection to port 22, and http at 11434: the version and models of an Ollama`;

const askedOf = ({ endpoint, asked }: FoundMachine): string[] => [
  `  ${endpoint}`,
  ...asked.map((what) => `    ${what}`),
];
