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
 * The containers of a mesh by short name: a node's, "balancer", which has the ports, or "balancer-nginx", whose name
 * Pulumi made.
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
      names[i]!.slice(mesh.length + 1).replace(/^(balancer-nginx)-[0-9a-f]{7}$/, "$1"),
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

/** How each container of a mesh is and what it said last, without polls and loading: for the report of a failed test. */
export async function lastWords(mesh: string): Promise<string> {
  const script = `for c in $(docker ps -aq --filter "name=^$1-"); do
    docker inspect -f '{{.Name}} {{.State.Status}}, exit code {{.State.ExitCode}}, restarted {{.RestartCount}} times, since {{.State.StartedAt}}' $c
    docker logs --timestamps --tail 300 $c 2>&1 | grep -Ev 'GET +"/api/|HEAD +"/"|llama' | tail -12
  done`;
  return run("sh", ["-c", script, "sh", mesh]);
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
