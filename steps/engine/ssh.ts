import { engineHost, sshDestination } from "../../config/net/engine-endpoint.ts";
import { SSH_CONFIG_SECONDS } from "../limits.ts";
import { runProcess } from "./process.ts";

/** What the host of an ssh endpoint is by the user's ssh config (HostName): its own name where that says nothing else. */
export async function sshHostName(endpoint: string): Promise<string> {
  const destination = sshDestination(endpoint) ?? [];
  const name = engineHost(endpoint) ?? "";
  // Opens no connection. What goes wrong is said better by what does open one.
  const said = await runProcess("ssh", ["-G", ...destination], {
    timeoutSeconds: SSH_CONFIG_SECONDS,
  }).catch(() => undefined);
  return (said?.code === 0 && /^hostname (\S+)$/m.exec(said.stdout)?.[1]) || name;
}
