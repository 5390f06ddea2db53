import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import pMap from "p-map";
import { HOSTS_AT_ONCE } from "../../steps/limits.ts";
import { StepError } from "../../steps/step-error.ts";
import { FAILED, textOption, textOptions, type Command, type Given } from "../command.ts";
import { findMachine } from "./machine.ts";
import { addressesOf, dockerContexts, engineOf, sshConfigHosts } from "./places.ts";
import { propose } from "./proposal.ts";
import { askRange } from "./range.ts";
import { report } from "./report.ts";
import { stackFile } from "./stack-file.ts";

const HELP = `Usage: ollama-mesh discover [MACHINE...] [OPTIONS]

Looks at the machines that you name, and proposes a stack file: a node for each GPU, an Ollama that runs already as
it is, the models that are there, a host for the balancer. It changes nothing on any machine, says what it has asked
of which, and asks no machine that you did not name. Without any it looks at this one. A machine that is named twice,
as by its alias and its address, is proposed once.

  MACHINE           what ssh takes (rack1, ops@rack1.lan), "local" for this machine, or an engine as in a stack
                    file: unix:///path, ssh://user@host:port, tcp://host:port
  --ssh-config      every host that ~/.ssh/config names; patterns and what it includes aside
  --contexts        the engines of "docker context ls"
  --range NETWORK   every address of a network, at most a /24: its port 22, and an Ollama at 11434; may be repeated
  --user USER       who logs in to the machines of --range; default what ssh takes

  --write FILE      writes the stack file, unless there is one
  --json            prints all that was found, and the proposal, as JSON

  ollama-mesh discover rack1 rack2 ops@rack3.lan
  ollama-mesh discover --ssh-config --write Pulumi.office.yaml
  ollama-mesh discover local --range 192.168.1.0/24 --user ops

Exit code 0 with a proposal, 1 without one.
`;

/** From the machines that a person names to a stack file. */
export const discover: Command = {
  summary: "looks at machines that you name, and proposes a stack file",
  help: HELP,
  options: {
    "ssh-config": { type: "boolean" },
    contexts: { type: "boolean" },
    range: { type: "string", multiple: true },
    user: { type: "string" },
    write: { type: "string" },
    json: { type: "boolean" },
  },
  async run(given) {
    const file = textOption(given, "write");
    if (file !== undefined) requirePlaceFor(file);
    const named = await namedEngines(given);
    const ranges = textOptions(given, "range");
    const range = await askRange(ranges.flatMap(addressesOf), textOption(given, "user"));
    const machines = await pMap([...new Set([...named, ...range.endpoints])], findMachine, {
      concurrency: HOSTS_AT_ONCE,
    });
    const proposal = propose(machines, range.ollamas);
    const text = stackFile(proposal);
    const found = { machines, addresses: range.ollamas, ranges, proposal, stackFile: text };
    process.stdout.write(
      given.values["json"] ? `${JSON.stringify(found, null, 2)}\n` : report(found),
    );
    if (proposal.nodes.length === 0) return FAILED;
    if (file !== undefined) {
      // Not over one that somebody has written meanwhile.
      await writeFile(file, text, { flag: "wx" }).catch((error: Error) => {
        throw new StepError(`${file} cannot be written: ${error.message}; name another file`);
      });
      process.stderr.write(`${file} is written; next: pulumi up\n`);
    }
    return 0;
  },
};

/** Found out before machines are asked, which takes a while. */
function requirePlaceFor(file: string): void {
  const folder = dirname(resolve(file));
  if (existsSync(file)) throw new StepError(`${file} is there already; name another file`);
  if (existsSync(folder)) return;
  throw new StepError(
    `${file} cannot be written: there is no folder ${folder}; make it, or name another file`,
  );
}

async function namedEngines(given: Given): Promise<string[]> {
  const { words, values } = given;
  const engines = [
    ...words.map(engineOf),
    ...(values["ssh-config"] ? await sshConfigHosts() : []),
    ...(values["contexts"] ? await dockerContexts() : []),
  ];
  const isNamed = engines.length > 0 || textOptions(given, "range").length > 0;
  return isNamed || values["ssh-config"] || values["contexts"] ? engines : [engineOf("local")];
}
