// Signals that come from outside a container, as from the kernel or from a crash: the engine's own
// `docker kill` counts as a wish, after which the restart policy does nothing.
import { run } from "../../toolchain/command.mjs";
import { nginxImage } from "../engine/support/lab.ts";

/** Sends a signal to the first process of a container. */
export async function hostSignal(container: string, signal: "KILL" | "STOP" | "CONT") {
  const pid = await run("docker", ["inspect", "--format", "{{.State.Pid}}", container]);
  await run("docker", [
    ...["run", "--rm", "--pid", "host", "--network", "none", "--user", "0:0", "--read-only"],
    ...["--cap-drop", "ALL", "--cap-add", "KILL", "--entrypoint", "sh", nginxImage()],
    ...["-c", 'kill -s "$0" "$1"', signal, pid.trim()],
  ]);
}
