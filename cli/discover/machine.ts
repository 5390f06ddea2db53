import { OLLAMA_PORT } from "../../config/defaults.ts";
import { engineHost } from "../../config/net/engine-endpoint.ts";
import {
  lookAround,
  type FoundOllama,
  type Surroundings,
} from "../../steps/discovery/look-around.ts";
import { DockerError, dockerEngine } from "../../steps/engine/docker-engine.ts";
import { sshHostName } from "../../steps/engine/ssh.ts";
import { inspectHost, type HostInspection } from "../../steps/hosts/inspect-host.ts";
import { StepError } from "../../steps/step-error.ts";
import { ollamaAt } from "./ask-address.ts";

/** A machine that was named, and what it showed. */
export interface FoundMachine {
  endpoint: string;
  /** Name of its machine and id of its engine: the same by whatever name it is asked. Absent where it does not tell. */
  engine?: string;
  /** Where other machines reach it; absent for a socket of this machine. */
  address?: string;
  inspection: HostInspection;
  /** What its engine does not tell; absent where nobody could look. */
  around?: Surroundings;
  /** The Ollama that answers at its address from here, as it would a balancer. */
  open?: FoundOllama;
  /** Meshes that have containers on it. */
  meshes: string[];
  /** What was asked of it, in order. */
  asked: string[];
}

/** Looks at a machine by its Docker engine, and changes nothing there. */
export async function findMachine(endpoint: string): Promise<FoundMachine> {
  const inspection = await inspectHost({ endpoint, nvidia: false });
  const address = engineHost(endpoint) && (await sshHostName(endpoint));
  const asked = [`docker version and docker info at ${endpoint}`];
  const known = { endpoint, ...(address ? { address } : {}), inspection };
  const answers = async () => {
    if (!address) return {};
    asked.push(`http://${address}:${OLLAMA_PORT}: the version and models of an Ollama there`);
    const open = await ollamaAt(address, OLLAMA_PORT);
    return open ? { open } : {};
  };
  if (!inspection.reached) return { ...known, ...(await answers()), meshes: [], asked };
  try {
    const { engine, around, meshes } = await askEngine(endpoint, asked);
    // A node of a mesh is an Ollama too.
    const open = meshes.length === 0 ? await answers() : {};
    return {
      ...known,
      ...(engine === undefined ? {} : { engine }),
      ...(around ? { around } : {}),
      ...open,
      meshes,
      asked,
    };
  } catch (error) {
    if (!(error instanceof StepError || error instanceof DockerError)) throw error;
    // One that stops answering hides nothing of the others.
    const text = `it stopped answering: ${error.message}; look at it again`;
    const problems = [...inspection.problems, { text, ofEngine: false }];
    return { ...known, inspection: { ...inspection, problems }, meshes: [], asked };
  }
}

/**
 * What its engine, and a shell on it, tell of a machine.
 *
 * @param asked gets what was asked
 * @throws StepError, DockerError when it stops answering
 */
async function askEngine(
  endpoint: string,
  asked: string[],
): Promise<Pick<FoundMachine, "engine" | "around" | "meshes">> {
  const { docker } = dockerEngine(endpoint);
  const [machine = "", id] = (await docker(["info", "--format", "{{.Name}} {{.ID}}"]))
    .trim()
    .split(" ");
  const around = await lookAround(endpoint, machine, OLLAMA_PORT);
  if (around) {
    asked.push(
      "its shell: df, ss, ip route, nvidia-smi, /sys/class/drm, its own Ollama's version and models",
    );
  }
  asked.push("docker ps, for containers of a mesh");
  const labels = await docker(["ps", "--format", '{{.Label "ollama-mesh"}}']);
  const meshes = [...new Set(labels.split("\n").filter(Boolean))].sort();
  // The id alone may be that of the machine from which a disk was copied.
  return { ...(id ? { engine: `${machine} ${id}` } : {}), ...(around ? { around } : {}), meshes };
}
