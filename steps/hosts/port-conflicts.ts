import { MESH_LABEL } from "../../config/names.ts";
import type { DockerEngine } from "../engine/docker-engine.ts";
import type { HostNeeds } from "./host-needs.ts";

/** Ports that something else than the mesh holds; on a machine that nobody can look at, only other containers are seen. */
export async function portProblems(
  { docker }: Pick<DockerEngine, "docker">,
  needs: Pick<HostNeeds, "ports" | "mesh">,
  listening: readonly string[],
): Promise<string[]> {
  if (!needs.ports?.length) return [];
  const format = `{{.Label "${MESH_LABEL}"}}|{{.Names}}|{{.Ports}}`;
  const containers = (await docker(["ps", "--format", format])).split("\n").map((line) => {
    const [mesh, name = "", ports = ""] = line.split("|");
    const held = ports.split(", ").flatMap(listenersIn);
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

/** What docker ps says of ports, as "0.0.0.0:80->8080/tcp"; those in a row are one, as "0.0.0.0:80-82->80-82/tcp". */
function listenersIn(text: string): string[] {
  const [, address, first, last = first] =
    /^(.*):(\d+)(?:-(\d+))?->.*\/tcp$/.exec(text.trim()) ?? [];
  if (first === undefined) return [];
  const count = Number(last) - Number(first) + 1;
  return Array.from({ length: count }, (_, i) => `${address}:${Number(first) + i}`);
}

/** Whether something that listens at `held`, such as "*:80" or "[::]:80", is in the way of ip:port. */
function sameListener(held: string, ip: string, port: number): boolean {
  const [, address = "", number] = /^(.*):(\d+)$/.exec(held) ?? [];
  if (Number(number) !== port) return false;
  const bare = address.replace(/^\[(.*)\]$/, "$1").replace(/%.*$/, "");
  const all = ["0.0.0.0", "::", "*", ""];
  return all.includes(bare) || all.includes(ip) || bare === ip;
}
