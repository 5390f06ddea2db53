// Machines that `ollama-mesh discover` was given by two names, as of an ssh config and a range.
import { expect, test } from "vitest";

import type { FoundMachine } from "../../../cli/discover/machine.ts";
import { propose } from "../../../cli/discover/proposal.ts";

const OLLAMA = { version: "0.32.15", models: ["llama3.2:3b"] };

function machine(endpoint: string, more: Partial<FoundMachine>): FoundMachine {
  const inspection = { endpoint, reached: true, problems: [] };
  return { endpoint, inspection, around: { gpus: [] }, meshes: [], asked: [], ...more };
}

test("one machine by two names is one, by the first, and is told of", () => {
  const engine = "rack1 A2XJ:6DM3";
  const mac = { open: OLLAMA, address: "10.0.0.8" };
  const { nodes, remarks } = propose(
    [
      machine("ssh://rack1", { engine, address: "10.0.0.7" }),
      machine("ssh://ops@10.0.0.7", { engine, address: "10.0.0.7" }),
      // Its disk was copied from rack1.
      machine("ssh://rack2", { engine: "rack2 A2XJ:6DM3" }),
      machine("ssh://mac", mac),
      machine("ssh://10.0.0.8", mac),
    ],
    [
      { address: "10.0.0.8", ollama: OLLAMA },
      { address: "10.0.0.9", ollama: OLLAMA },
    ],
  );
  expect(nodes.map(({ node }) => node)).toEqual([
    { name: "rack1", host: "ssh://rack1" },
    { name: "rack2", host: "ssh://rack2" },
    { name: "mac", managed: false, address: "10.0.0.8" },
    { name: "10-0-0-9", managed: false, address: "10.0.0.9" },
  ]);
  expect(remarks).toEqual([
    "ssh://ops@10.0.0.7 is the machine of ssh://rack1: left out here.",
    "ssh://10.0.0.8 is the machine of ssh://mac: left out here.",
  ]);
});

test("machines that show no name of theirs, and no Ollama, are taken for two", () => {
  const { nodes } = propose(
    [
      machine("ssh://gate:2201", { address: "10.0.0.1" }),
      machine("ssh://gate:2202", { address: "10.0.0.1" }),
    ],
    [],
  );
  expect(nodes).toHaveLength(2);
});
