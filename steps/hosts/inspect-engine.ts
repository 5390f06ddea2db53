import type { CpuLimit } from "../../plan/host-plan.ts";
import { CLOCK_SECONDS, HOST_ANSWER_SECONDS } from "../limits.ts";
import { dockerEngine } from "../engine/docker-engine.ts";

/** Docker 20.10, the oldest engine the mesh is tested with. */
const OLDEST_API = { major: 1, minor: 41 };

/** Ollama's images exist for these. */
const ARCHITECTURES = ["x86_64", "aarch64", "amd64", "arm64"];

/** What an engine calls itself. */
export interface EngineVersion {
  /** Of Docker, such as "28.5.2". */
  version: string;
  /** Of its API, such as "1.51". */
  api: string;
  /** What its containers run on: "linux", or "windows". */
  os: string;
}

/** What an engine says of itself and of its machine. */
export interface EngineInspection extends EngineVersion {
  architecture: string;
  memoryGiB: number;
  /** Its machine's, or those that the engine itself may use; absent where it does not say. */
  cpus?: number;
  /** How far its clock is ahead of this machine's. */
  clockSeconds: number;
  /** Name of the machine that it runs on. */
  machine: string;
  /** Folder where it keeps volumes. */
  root: string;
  /** Whether it has the runtime of the NVIDIA container toolkit. */
  nvidiaRuntime: boolean;
  /** Whether it has found NVIDIA GPUs by their CDI specs; engines before 28.2 do not say. */
  nvidiaByCdi: boolean;
  /** Why containers there see every client at one address; absent where they see the clients. */
  hidesClients?: string;
}

/**
 * Asks an engine for its versions.
 *
 * @throws StepError when it is not reached
 */
export async function engineVersion(endpoint: string): Promise<EngineVersion> {
  const { Version, ApiVersion, Os } = (await ask(endpoint, "version", "{{json .Server}}")) as {
    Version: string;
    ApiVersion: string;
    Os: string;
  };
  return { version: Version, api: ApiVersion, os: Os };
}

/**
 * Asks an engine for all that it knows of itself.
 *
 * @throws StepError when it is not reached
 */
export async function inspectEngine(endpoint: string): Promise<EngineInspection> {
  const version = await engineVersion(endpoint);
  const began = Date.now();
  const info = (await ask(endpoint, "info", "{{json .}}")) as {
    Architecture: string;
    MemTotal: number;
    NCPU?: number;
    Name: string;
    DockerRootDir: string;
    SystemTime: string;
    OperatingSystem?: string;
    SecurityOptions?: string[];
    Runtimes: Record<string, unknown>;
    DiscoveredDevices?: { Source: string; ID: string }[];
  };
  // The engine looked at its clock about halfway between question and answer.
  const now = (began + Date.now()) / 2;
  return {
    ...version,
    architecture: info.Architecture,
    memoryGiB: info.MemTotal / 1024 ** 3,
    ...(info.NCPU ? { cpus: info.NCPU } : {}),
    clockSeconds: Math.round((Date.parse(info.SystemTime) - now) / 1000),
    machine: info.Name,
    root: info.DockerRootDir,
    nvidiaRuntime: "nvidia" in info.Runtimes,
    nvidiaByCdi: (info.DiscoveredDevices ?? []).some(({ ID }) => ID.startsWith("nvidia.com/")),
    ...hiding(info),
  };
}

/** Both hand connections on by a program of their own. Source: Docker, Rootless mode, "Known limitations"; docker/for-mac issue 180. */
function hiding({
  OperatingSystem = "",
  SecurityOptions,
}: {
  OperatingSystem?: string;
  SecurityOptions?: string[];
}): Pick<EngineInspection, "hidesClients"> {
  if (SecurityOptions?.includes("name=rootless")) return { hidesClients: "is rootless" };
  return OperatingSystem.startsWith("Docker Desktop") ? { hidesClients: "is Docker Desktop" } : {};
}

/**
 * What cannot be held on an engine that hides clients.
 *
 * @param settings that go by the client's address, as they are declared
 */
export function clientProblems(
  { hidesClients }: Pick<EngineInspection, "hidesClients">,
  settings: readonly string[] = [],
): string[] {
  if (hidesClients === undefined || settings.length === 0) return [];
  return [
    `it ${hidesClients}, where every client comes from one address, and ${settings.join(", ")} would go by that; use keys instead (balancer.access.apiKeys), or put the balancer on an engine that runs as root on Linux with iptables rules`,
  ];
}

/** Docker makes no container with a limit that its machine does not reach; the one before would be gone by then. */
export function cpuProblems(
  { cpus }: Pick<EngineInspection, "cpus">,
  limit: CpuLimit | undefined,
): string[] {
  if (cpus === undefined || limit === undefined || limit.cpus <= cpus) return [];
  return [
    `it has ${cpus} CPUs, and node ${limit.node} is to be limited to ${limit.cpus}, which Docker refuses; declare nodes[].cpus ${cpus} at most, or leave it out for no limit`,
  ];
}

async function ask(endpoint: string, command: string, format: string): Promise<unknown> {
  const { docker } = dockerEngine(endpoint);
  const said = await docker([command, "--format", format], {
    timeoutSeconds: HOST_ANSWER_SECONDS,
  });
  return JSON.parse(said);
}

/** Why the mesh cannot run on an engine, each problem with its way out. */
export function engineProblems(engine: EngineInspection): string[] {
  const { os, version, api, architecture, clockSeconds } = engine;
  const problems: string[] = [];
  if (os !== "linux") problems.push(`it runs ${os} containers; switch it to Linux containers`);
  if (isTooOld(api)) problems.push(`Docker ${version} is too old; install 20.10 or newer`);
  if (!ARCHITECTURES.includes(architecture)) {
    problems.push(`there is no Ollama for its architecture, ${architecture}; leave it out`);
  }
  const off = Math.abs(clockSeconds);
  if (off > CLOCK_SECONDS) {
    problems.push(
      `its clock is ${off} s ${clockSeconds > 0 ? "ahead" : "behind"}, so that certificates may look invalid there; set it right (timedatectl set-ntp true)`,
    );
  }
  return problems;
}

function isTooOld(api: string): boolean {
  const [major = 0, minor = 0] = api.split(".").map(Number);
  return major === OLDEST_API.major ? minor < OLDEST_API.minor : major < OLDEST_API.major;
}
