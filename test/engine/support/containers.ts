// What the Docker engine says of the containers of a mesh.
import { run } from "../../../toolchain/command.mjs";

/** One incarnation of a container: another id or start time means that it was replaced or restarted. */
export interface Incarnation {
  id: string;
  startedAt: string;
  running: boolean;
  image: string;
  environment: string[];
}

/**
 * The containers of a mesh by short name: a node's, or "balancer".
 *
 * @param engine arguments that lead docker to another engine than this machine's
 * @param env in which docker finds it
 */
export async function containers(
  mesh: string,
  engine: readonly string[] = [],
  env: NodeJS.ProcessEnv = process.env,
): Promise<Record<string, Incarnation>> {
  const docker = (...args: string[]) => run("docker", [...engine, ...args], { env });
  const names = (await docker("ps", "--all", "--format", "{{.Names}}"))
    .split("\n")
    .filter((name) => name.startsWith(`${mesh}-`) && !name.slice(mesh.length).includes("."))
    .sort();
  if (names.length === 0) return {};
  const found = JSON.parse(await docker("inspect", "--type", "container", ...names)) as {
    Id: string;
    State: { StartedAt: string; Running: boolean };
    Config: { Image: string; Env: string[] };
  }[];
  return Object.fromEntries(
    found.map(({ Id, State, Config }, i): [string, Incarnation] => [
      names[i]!.slice(mesh.length + 1),
      {
        id: Id,
        startedAt: State.StartedAt,
        running: State.Running,
        image: Config.Image,
        environment: Config.Env,
      },
    ]),
  );
}

/** The server lines that nginx has at the moment, by node. */
export async function serverLines(mesh: string): Promise<Record<string, string>> {
  const state = await run("docker", [
    "exec",
    `${mesh}-balancer`,
    "cat",
    "/etc/nginx/mesh/mesh.json",
  ]);
  return (JSON.parse(state) as { servers: Record<string, string> }).servers;
}
