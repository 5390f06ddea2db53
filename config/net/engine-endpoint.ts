/** How a Docker engine is reached: by a socket of this machine, or on another one by ssh or tcp. */
export type EngineEndpoint =
  | { kind: "unix"; path: string; host?: never; port?: never }
  | { kind: "ssh"; user?: string; host: string; port?: string }
  | { kind: "tcp"; host: string; port: string };

/** Of host names only what has no meaning to a shell, to ssh or in an URL. */
const ENDPOINT =
  /^(?:unix:\/\/(?<path>\/[\w./-]{1,100})|(?<kind>ssh|tcp):\/\/(?:(?<user>\w[\w.-]*)@)?(?<host>[A-Za-z0-9][\w.-]{0,252})(?::(?<port>\d{1,5}))?)$/;

/**
 * Takes unix:///path, ssh://user@host:port or tcp://host:port apart; ports as they are written.
 *
 * @returns undefined for what is no endpoint
 */
export function parseEndpoint(text: string): EngineEndpoint | undefined {
  const { path, kind, user, host, port } = ENDPOINT.exec(text)?.groups ?? {};
  if (path !== undefined) return { kind: "unix", path };
  if (host === undefined) return undefined;
  if (kind === "ssh") return { kind, ...(user ? { user } : {}), host, ...(port ? { port } : {}) };
  // Docker knows no user there, and no port that would be the usual one.
  return user === undefined && port !== undefined ? { kind: "tcp", host, port } : undefined;
}

/** The host in ssh://user@host:port or tcp://host:port; undefined for a socket on this machine. */
export const engineHost = (endpoint: string): string | undefined => parseEndpoint(endpoint)?.host;

/** The words after `ssh` that log in to an endpoint as the docker command does; undefined for one without ssh. */
export function sshDestination(endpoint: string): string[] | undefined {
  const parsed = parseEndpoint(endpoint);
  if (parsed?.kind !== "ssh") return undefined;
  const { user, host, port } = parsed;
  return [...(port ? ["-p", port] : []), user ? `${user}@${host}` : host];
}
