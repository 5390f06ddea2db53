import { DockerError, dockerEngine } from "../../engine/docker-engine.ts";
import { progress } from "../../step-error.ts";

/** The setting of a network namespace by which connections that nobody has accepted go to another listener. Source: Linux 5.14, Documentation/networking/ip-sysctl.rst. */
export const MIGRATE_SYSCTL = "net.ipv4.tcp_migrate_req";

/** The engine that is asked. */
export interface MigratesQueuesInput {
  endpoint: string;
  /** Any image that it has. */
  image: string;
}

/** By which it is asked: Docker starts no container with a setting that the kernel has not. */
export const migrateProbe = (image: string): string[] => [
  ...["run", "--rm", "--network", "none", "--sysctl", `${MIGRATE_SYSCTL}=1`],
  ...["--entrypoint", "true", image],
];

/** Finds out whether the kernel of an engine hands waiting connections from one nginx to the next. */
export async function migratesQueues({
  endpoint,
  image,
}: MigratesQueuesInput): Promise<{ migrates: boolean }> {
  try {
    await dockerEngine(endpoint).docker(migrateProbe(image));
    return { migrates: true };
  } catch (error) {
    if (!(error instanceof DockerError && error.stderr.includes("tcp_migrate_req"))) throw error;
    progress(
      `the kernel of ${endpoint} has no tcp_migrate_req (Linux 5.14): when nginx is replaced, about one of a thousand requests just then is reset`,
    );
    return { migrates: false };
  }
}
