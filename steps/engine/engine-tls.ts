import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { hostPort } from "../../config/net/host-port.ts";
import { parseEndpoint } from "../../config/net/engine-endpoint.ts";

/** As the docker command calls them in DOCKER_CERT_PATH. */
const FILES = ["ca.pem", "cert.pem", "key.pem"] as const;

/**
 * Where the certificates for an engine lie: one folder per engine, as Docker has them for registries, beside the
 * docker command's own settings. Only a key that stays on this machine is safe: it is root's on the host.
 *
 * @returns undefined for an engine that is not reached by tcp://
 */
export function tlsFolder(endpoint: string): string | undefined {
  const parsed = parseEndpoint(endpoint);
  if (parsed?.kind !== "tcp") return undefined;
  const settings = process.env["DOCKER_CONFIG"] || join(homedir(), ".docker");
  return join(settings, "certs.d", hostPort(parsed.host, Number(parsed.port)));
}

/** That folder, where all three are in it: such an engine is spoken to by TLS, and never without. */
export function engineTls(endpoint: string): string | undefined {
  const folder = tlsFolder(endpoint);
  return folder && FILES.every((file) => existsSync(join(folder, file))) ? folder : undefined;
}

/** By which the docker command finds an engine. */
export function engineArgs(endpoint: string): string[] {
  const folder = engineTls(endpoint);
  const [ca, certificate, key] = FILES.map((file) => join(folder ?? "", file)) as [
    string,
    string,
    string,
  ];
  return [
    ...(folder
      ? ["--tlsverify", "--tlscacert", ca, "--tlscert", certificate, "--tlskey", key]
      : []),
    ...["-H", endpoint],
  ];
}
