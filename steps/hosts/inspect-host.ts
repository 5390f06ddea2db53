import { engineHost, sshDestination } from "../../config/net/engine-endpoint.ts";
import { dockerEngine } from "../engine/docker-engine.ts";
import { explainUnreachable } from "../engine/unreachable.ts";
import { StepError } from "../step-error.ts";
import type { HostNeeds } from "./host-needs.ts";
import {
  ANSWER_SECONDS,
  type MachineInspection,
  inspectMachine,
  output,
} from "./inspect-machine.ts";
import { networkProblems } from "./subnet-conflicts.ts";
import { portProblems } from "./port-conflicts.ts";

/** Docker 20.10, the oldest engine the mesh is tested with. */
const OLDEST_API = [1, 41];

/** Ollama's images exist for these. */
const ARCHITECTURES = ["x86_64", "aarch64", "amd64", "arm64"];

/** A clock this far off lets certificates of registries look expired or not yet valid, and logs lie. */
const CLOCK_SECONDS = 300;

/** What was seen of a host; what could not be found out is absent. */
export interface HostInspection {
  endpoint: string;
  engine?: string;
  api?: string;
  architecture?: string;
  memoryGiB?: number;
  freeGiB?: number;
  gpus?: string;
  /** Ahead of this machine. */
  clockSeconds?: number;
  /** Whether it answered at all. */
  reached: boolean;
  /** In words, each with its way out. */
  problems: string[];
}

/** Looks at a host without changing anything there. Never throws for what is wrong with the host. */
export async function inspectHost(needs: HostNeeds): Promise<HostInspection> {
  const { endpoint } = needs;
  try {
    const inspection = await inspectEngine(needs);
    const machine = await inspectMachine(endpoint, inspection);
    const engine = dockerEngine(endpoint);
    return {
      ...inspection.seen,
      ...(machine.freeGiB === undefined ? {} : { freeGiB: machine.freeGiB }),
      ...gpusOf(inspection, machine),
      problems: [
        ...inspection.seen.problems,
        ...gpuProblems(needs, inspection, machine),
        ...(await spaceProblems(needs, machine)),
        ...(await portProblems(engine, needs, machine.listening)),
        ...(await networkProblems(engine, needs.network, machine.routes)),
      ],
    };
  } catch (error) {
    if (!(error instanceof StepError)) throw error;
    const problem = (await moreExactly(endpoint, error.message)) + wayAround(needs.nodes ?? []);
    return { endpoint, reached: false, problems: [problem] };
  }
}

/** What to declare when a host is meant to be off. */
function wayAround(nodes: readonly string[]): string {
  if (nodes.length === 0) return "";
  const lines = nodes.map((name) => `    - { name: ${name}, offline: true, ... }`).join("\n");
  return `\n  Is it switched off on purpose? This leaves it alone while the rest is changed; then run pulumi up again:\n${lines}`;
}

interface EngineInspection {
  seen: HostInspection;
  /** Name of the machine that it runs on. */
  name: string;
  /** Where the engine keeps volumes. */
  root: string;
  nvidiaRuntime: boolean;
  cdi: boolean;
}

async function engineVersion(endpoint: string) {
  const ask = ["version", "--format", "{{json .Server}}"];
  const said = await dockerEngine(endpoint).docker(ask, { timeoutSeconds: ANSWER_SECONDS });
  return JSON.parse(said) as { Version: string; ApiVersion: string; Os: string };
}

/**
 * Looks at a host that nodes are about to leave: their containers are to be removed there.
 *
 * @param nodes those on it, for the way out
 */
export async function inspectOldHost(
  endpoint: string,
  nodes: readonly string[],
): Promise<HostInspection> {
  try {
    const { Version, ApiVersion } = await engineVersion(endpoint);
    return { endpoint, reached: true, engine: Version, api: ApiVersion, problems: [] };
  } catch (error) {
    if (!(error instanceof StepError)) throw error;
    const problem = (await moreExactly(endpoint, error.message)) + waysToLeave(endpoint, nodes);
    return { endpoint, reached: false, problems: [problem] };
  }
}

/** How nodes get off a host that cannot be reached as it was declared until now. */
function waysToLeave(endpoint: string, nodes: readonly string[]): string {
  const host = JSON.stringify(endpoint);
  const lines = nodes.map((name) => `    - { name: ${name}, host: ${host}, offline: true, ... }`);
  const name = engineHost(endpoint);
  const renamed = sshDestination(endpoint)
    ? `\n  Has the machine another name or address now? Then let ssh know it by the old one too until this is through: Host ${name}, HostName and its address, in ~/.ssh/config`
    : "";
  return `${renamed}\n  Is it switched off, or gone? This, with its old host, leaves it alone; what else is to change of the node comes after that, in another pulumi up:\n${lines.join("\n")}`;
}

/**
 * Makes sure that an engine answers from which a container is about to be removed.
 *
 * @param node whose container it is
 * @throws StepError when it does not
 */
export async function requireEngine(endpoint: string, node: string): Promise<void> {
  const { problems } = await inspectOldHost(endpoint, [node]);
  if (problems.length > 0) throw new StepError(problems.join("\n"));
}

async function inspectEngine({ endpoint }: HostNeeds): Promise<EngineInspection> {
  const { docker } = dockerEngine(endpoint);
  const asked = { timeoutSeconds: ANSWER_SECONDS };
  const version = await engineVersion(endpoint);
  const began = Date.now();
  const info = JSON.parse(await docker(["info", "--format", "{{json .}}"], asked)) as {
    Architecture: string;
    MemTotal: number;
    Name: string;
    DockerRootDir: string;
    SystemTime: string;
    Runtimes: Record<string, unknown>;
    DiscoveredDevices?: { Source: string; ID: string }[];
  };
  const now = (began + Date.now()) / 2;
  const clockSeconds = Math.round((Date.parse(info.SystemTime) - now) / 1000);
  const problems: string[] = [];
  if (version.Os !== "linux") {
    problems.push(`it runs ${version.Os} containers; switch it to Linux containers`);
  }
  const [major = 0, minor = 0] = version.ApiVersion.split(".").map(Number);
  if (major < OLDEST_API[0]! || (major === OLDEST_API[0] && minor < OLDEST_API[1]!)) {
    problems.push(`Docker ${version.Version} is too old; install 20.10 or newer`);
  }
  if (!ARCHITECTURES.includes(info.Architecture)) {
    problems.push(`there is no Ollama for its architecture, ${info.Architecture}; leave it out`);
  }
  if (Math.abs(clockSeconds) > CLOCK_SECONDS) {
    problems.push(
      `its clock is ${Math.abs(clockSeconds)} s ${clockSeconds > 0 ? "ahead" : "behind"}, so that certificates may look invalid there; set it right (timedatectl set-ntp true)`,
    );
  }
  const seen = {
    endpoint,
    reached: true,
    engine: version.Version,
    api: version.ApiVersion,
    architecture: info.Architecture,
    memoryGiB: info.MemTotal / 1024 ** 3,
    clockSeconds,
    problems,
  };
  return {
    seen,
    name: info.Name,
    root: info.DockerRootDir,
    nvidiaRuntime: "nvidia" in info.Runtimes,
    cdi: (info.DiscoveredDevices ?? []).some(({ ID }) => ID.startsWith("nvidia.com/")),
  };
}

function gpusOf(
  { nvidiaRuntime, cdi }: EngineInspection,
  { files }: MachineInspection,
): { gpus?: string } {
  const kinds = [
    ...(nvidiaRuntime ? ["nvidia"] : []),
    ...(cdi || files?.some((file) => file.includes("cdi")) ? ["nvidia by CDI"] : []),
    ...(files?.includes("/dev/kfd") ? ["amd"] : []),
  ];
  return kinds.length > 0 ? { gpus: kinds.join(", ") } : files ? { gpus: "none" } : {};
}

function gpuProblems(
  needs: HostNeeds,
  engine: EngineInspection,
  { files }: MachineInspection,
): string[] {
  const problems: string[] = [];
  const cdi = engine.cdi || files?.some((file) => file.includes("cdi"));
  if (needs.nvidia && !engine.nvidiaRuntime && !cdi) {
    problems.push(
      "a node on it declares NVIDIA GPUs, but it has no nvidia runtime; install the NVIDIA container toolkit (nvidia-ctk runtime configure) and restart Docker",
    );
  }
  const missing = ["/dev/kfd", "/dev/dri"].filter((device) => files && !files.includes(device));
  if (needs.amd && missing.length > 0) {
    problems.push(
      `a node on it declares AMD GPUs, but it has no ${missing.join(" and no ")}; install the amdgpu driver with ROCm support, and restart the machine`,
    );
  }
  return problems;
}

async function spaceProblems(needs: HostNeeds, { freeGiB }: MachineInspection): Promise<string[]> {
  const { minimumFreeGiB: least, volume, endpoint } = needs;
  if (least === undefined || !volume || freeGiB === undefined || freeGiB >= least) return [];
  const { docker } = dockerEngine(endpoint);
  const there = await docker(["volume", "ls", "--quiet", "--filter", `name=^${volume}$`]);
  if (there.trim() !== "") return []; // its models may all be there; the step that downloads looks again
  return [
    `it has ${freeGiB.toFixed(1)} GiB left for models, and rollout.minimumFreeGiB asks for ${least}; free some space there (docker system df shows what takes it), or lower it`,
  ];
}

/**
 * Newer docker commands say of every failure behind ssh only that there is no daemon at
 * "docker.example.com": the one on the host itself has the reason.
 */
async function moreExactly(endpoint: string, message: string): Promise<string> {
  const destination = sshDestination(endpoint);
  if (!destination || !message.includes("docker.example.com")) return message;
  const said = await output(["ssh", "-T", ...destination, "docker", "version"], "");
  return explainUnreachable(endpoint, said.trim().split("\n").at(-1) ?? "") ?? message;
}
