import { spawn } from "node:child_process";
import { hostname } from "node:os";
import { engineHost, MESH_LABEL } from "../components/names.ts";
import { dockerEngine, dockerEnvironment, explainUnreachable } from "./docker-engine.ts";
import { sshDestination } from "./ssh.ts";
import { StepError } from "./step-error.ts";

/** Docker 20.10, the oldest engine the mesh is tested with. */
const OLDEST_API = [1, 41];
/** An engine that needs longer would stall every later step. */
const ANSWER_SECONDS = 15;
/** Ollama's images exist for these. */
const ARCHITECTURES = ["x86_64", "aarch64", "amd64", "arm64"];
/** A clock this far off lets certificates of registries look expired or not yet valid, and logs lie. */
const CLOCK_SECONDS = 300;

/** What is to be on a host. */
export interface HostNeeds {
  endpoint: string;
  /** Whether nodes on it need NVIDIA GPUs. */
  nvidia: boolean;
  /** Whether nodes on it need AMD GPUs. */
  amd?: boolean;
  /** Ports that the mesh's containers publish there. */
  ports?: { ip: string; port: number }[];
  /** Names of the nodes on it. */
  nodes?: string[];
  /** Whose containers hold ports of their own. */
  mesh?: string;
  /** Volume that will hold the models; space is asked for only while it is not there. */
  volume?: string;
  minimumFreeGiB?: number;
}

/** What was seen of a host; what could not be found out is absent. */
export interface HostLook {
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
export async function lookAtHost(needs: HostNeeds): Promise<HostLook> {
  const { endpoint } = needs;
  try {
    const look = await lookAtEngine(needs);
    const machine = await lookAtMachine(endpoint, look);
    const ports = await takenPorts(needs, machine.listening);
    return {
      ...look.seen,
      ...(machine.freeGiB === undefined ? {} : { freeGiB: machine.freeGiB }),
      ...gpusOf(look, machine),
      problems: [
        ...look.seen.problems,
        ...gpuProblems(needs, look, machine),
        ...(await spaceProblems(needs, machine)),
        ...ports,
      ],
    };
  } catch (error) {
    if (!(error instanceof StepError)) throw error;
    const problem = (await moreExactly(endpoint, error.message)) + wayAround(needs.nodes ?? []);
    return { endpoint, reached: false, problems: [problem] };
  }
}

/** What to declare when a host is meant to be off. */
export function wayAround(nodes: readonly string[]): string {
  if (nodes.length === 0) return "";
  const lines = nodes.map((name) => `    - { name: ${name}, offline: true, ... }`).join("\n");
  return `\n  Is it switched off on purpose? This leaves it alone while the rest is changed; then run pulumi up again:\n${lines}`;
}

interface EngineLook {
  seen: HostLook;
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
export async function lookAtOldHost(endpoint: string, nodes: readonly string[]): Promise<HostLook> {
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
  const { problems } = await lookAtOldHost(endpoint, [node]);
  if (problems.length > 0) throw new StepError(problems.join("\n"));
}

async function lookAtEngine({ endpoint }: HostNeeds): Promise<EngineLook> {
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

interface MachineLook {
  freeGiB?: number;
  /** Files that show GPUs: devices and CDI specs; undefined where nobody could look. */
  files?: string[];
  /** Addresses with ports on which something listens. */
  listening: string[];
}

/** What only the machine itself can tell: by ssh, or here where the engine is this machine's own. */
async function lookAtMachine(endpoint: string, { name, root }: EngineLook): Promise<MachineLook> {
  const destination = sshDestination(endpoint);
  // A socket may also lead elsewhere: into a virtual machine (Docker Desktop), a container, another host.
  const local = endpoint.startsWith("unix:") && name === hostname();
  if (!destination && !local) return { listening: [] };
  const script = [
    `echo "free $(df -Pk '${root.replaceAll("'", "")}' 2>/dev/null | awk 'END { print $4 }')"`,
    'for file in /dev/kfd /dev/dri /dev/nvidiactl /etc/cdi/*nvidia* /var/run/cdi/*nvidia*; do [ -e "$file" ] && echo "file $file"; done',
    "ss -ltnH 2>/dev/null | awk '{ print \"port\", $4 }'",
    "echo end",
  ].join("\n");
  const words = destination
    ? ["ssh", "-T", ...destination, "sh", "-s"]
    : (["sh", "-s"] as [string, ...string[]]);
  const out = await output(words, script);
  const lines = out.split("\n");
  // A login without a shell, or one that greets: nothing can be said then.
  if (!lines.includes("end")) return { listening: [] };
  const after = (word: string) =>
    lines.flatMap((line) => (line.startsWith(`${word} `) ? [line.slice(word.length + 1)] : []));
  const free = Number(after("free")[0] || NaN) / 1024 ** 2;
  return {
    ...(Number.isFinite(free) ? { freeGiB: free } : {}),
    files: after("file"),
    listening: after("port"),
  };
}

function output([program, ...args]: string[], input: string): Promise<string> {
  return new Promise((resolve) => {
    const child = spawn(program!, args, {
      env: dockerEnvironment(),
      stdio: ["pipe", "pipe", "pipe"],
      timeout: ANSWER_SECONDS * 1000,
      killSignal: "SIGKILL",
    });
    let all = "";
    child.stdout!.setEncoding("utf8").on("data", (chunk: string) => (all += chunk));
    child.stderr!.setEncoding("utf8").on("data", (chunk: string) => (all += chunk));
    child.stdin!.on("error", () => {}); // it may end before it has read everything
    child.stdin!.end(input);
    child.on("error", () => resolve(""));
    child.on("close", () => resolve(all));
  });
}

function gpusOf({ nvidiaRuntime, cdi }: EngineLook, { files }: MachineLook): { gpus?: string } {
  const kinds = [
    ...(nvidiaRuntime ? ["nvidia"] : []),
    ...(cdi || files?.some((file) => file.includes("cdi")) ? ["nvidia by CDI"] : []),
    ...(files?.includes("/dev/kfd") ? ["amd"] : []),
  ];
  return kinds.length > 0 ? { gpus: kinds.join(", ") } : files ? { gpus: "none" } : {};
}

function gpuProblems(needs: HostNeeds, engine: EngineLook, { files }: MachineLook): string[] {
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

async function spaceProblems(needs: HostNeeds, { freeGiB }: MachineLook): Promise<string[]> {
  const { minimumFreeGiB: least, volume, endpoint } = needs;
  if (least === undefined || !volume || freeGiB === undefined || freeGiB >= least) return [];
  const { docker } = dockerEngine(endpoint);
  const there = await docker(["volume", "ls", "--quiet", "--filter", `name=^${volume}$`]);
  if (there.trim() !== "") return []; // its models may all be there; the step that downloads looks again
  return [
    `it has ${freeGiB.toFixed(1)} GiB left for models, and rollout.minimumFreeGiB asks for ${least}; free some space there (docker system df shows what takes it), or lower it`,
  ];
}

/** Ports that something else than the mesh holds; on a machine that nobody can look at, only other containers are seen. */
async function takenPorts(needs: HostNeeds, listening: string[]): Promise<string[]> {
  if (!needs.ports?.length) return [];
  const { docker } = dockerEngine(needs.endpoint);
  const format = `{{.Label "${MESH_LABEL}"}}|{{.Names}}|{{.Ports}}`;
  const containers = (await docker(["ps", "--format", format])).split("\n").map((line) => {
    const [mesh, name = "", ports = ""] = line.split("|");
    const held = ports.split(", ").flatMap((text) => /^(.*?:\d+)->/.exec(text)?.[1] ?? []);
    return { own: mesh !== "" && mesh === needs.mesh, name, held };
  });
  return needs.ports.flatMap(({ ip, port }) => {
    const meets = (held: string) => sameListener(held, ip, port);
    const holder = containers.find(({ held }) => held.some(meets));
    if (holder?.own) return [];
    if (!holder && !listening.some(meets)) return [];
    const who = holder
      ? `by container ${holder.name}`
      : "by another program (ss -ltnp shows which; often an Ollama of the machine itself)";
    return [`its port ${ip}:${port} is in use ${who}; stop it, or declare another port`];
  });
}

/** Whether something that listens at `held`, such as "*:80" or "[::]:80", is in the way of ip:port. */
function sameListener(held: string, ip: string, port: number): boolean {
  const [, address = "", number] = /^(.*):(\d+)$/.exec(held) ?? [];
  if (Number(number) !== port) return false;
  const bare = address.replace(/^\[(.*)\]$/, "$1").replace(/%.*$/, "");
  const all = ["0.0.0.0", "::", "*", ""];
  return all.includes(bare) || all.includes(ip) || bare === ip;
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
