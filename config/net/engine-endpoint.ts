import { isIP } from "node:net";
import { canonicalIp } from "./ip-address.ts";

/** How a Docker engine is reached: by a socket of this machine, or on another one by ssh or tcp. */
export type EngineEndpoint =
  | { kind: "unix"; path: string; host?: never; port?: never }
  | { kind: "ssh"; user?: string; host: string; port?: string; path?: string }
  | { kind: "tcp"; host: string; port: string };

/** The path of a socket as the kernel takes it; spaces are usual on a Mac. */
const SOCKET = /^\/[\w./ @+~-]{1,100}$/;

/**
 * Of host and user names only what has no meaning to a shell, to ssh or in an URL; an IPv6 address in brackets. What a
 * user name has beyond that is written as URLs do: CORP%5Cbob.
 */
const REMOTE =
  /^(?<kind>ssh|tcp):\/\/(?:(?<user>\w(?:[\w.+=~@-]|%[0-9A-Fa-f]{2})*)@)?(?:\[(?<ipv6>[0-9A-Fa-f:.]{2,45})\]|(?<name>[A-Za-z0-9][\w.-]{0,252}))(?::(?<port>\d{1,5}))?(?<path>\/.+)?$/;

/** No user of a machine has these in his name, and ssh refuses most of them. */
const NO_USER = /[\0-\x20"'`;&<>|(){}$*?#%:/[\]!^]/;

/**
 * Takes unix:///path, ssh://user@host:port/path or tcp://host:port apart; ports as they are written, an IPv6 address
 * without its brackets, a user as the machine knows him. The path behind ssh is that of a socket there.
 *
 * @returns undefined for what is no endpoint
 */
export function parseEndpoint(text: string): EngineEndpoint | undefined {
  const local = /^unix:\/\/(.*)$/s.exec(text)?.[1];
  if (local !== undefined) return SOCKET.test(local) ? { kind: "unix", path: local } : undefined;
  const { kind, user: given, ipv6, name, port, path } = REMOTE.exec(text)?.groups ?? {};
  const host = ipv6 ?? name;
  if (host === undefined || (ipv6 !== undefined && isIP(ipv6) !== 6)) return undefined;
  if (kind === "tcp") {
    // Docker knows no user there, no path, and no port that would be the usual one.
    const plain = given === undefined && path === undefined && port !== undefined;
    return plain ? { kind, host, port } : undefined;
  }
  const user = given && decoded(given);
  if (given !== undefined && (user === undefined || NO_USER.test(user))) return undefined;
  if (path !== undefined && !SOCKET.test(path)) return undefined;
  return {
    kind: "ssh",
    ...(user ? { user } : {}),
    host,
    ...(port ? { port } : {}),
    ...(path ? { path } : {}),
  };
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/**
 * One text for an engine however it is written: capitals of its host, the port that ssh has anyway, and the link that leads
 * from /var/run to /run make no other one.
 */
export function canonicalEngine(endpoint: string): string {
  const parsed = parseEndpoint(endpoint);
  if (!parsed) return endpoint;
  if (parsed.kind === "unix") return `unix://${parsed.path.replace(/^\/run\//, "/var/run/")}`;
  const port = Number(parsed.port ?? SSH_PORT);
  return JSON.stringify({ ...parsed, host: canonicalIp(parsed.host.toLowerCase()), port });
}

const SSH_PORT = 22;

/** The host in ssh://user@host:port or tcp://host:port; undefined for a socket on this machine. */
export const engineHost = (endpoint: string): string | undefined => parseEndpoint(endpoint)?.host;

/** The words after `ssh` that log in to an endpoint as the docker command does; undefined for one without ssh. */
export function sshDestination(endpoint: string): string[] | undefined {
  const parsed = parseEndpoint(endpoint);
  if (parsed?.kind !== "ssh") return undefined;
  const { user, host, port } = parsed;
  return [...(port ? ["-p", port] : []), user ? `${user}@${host}` : host];
}

/** The words after `docker` by which the command on the host of an ssh endpoint finds that engine. */
export function remoteSocket(endpoint: string): string[] {
  const parsed = parseEndpoint(endpoint);
  return parsed?.kind === "ssh" && parsed.path ? ["--host", `unix://${parsed.path}`] : [];
}
