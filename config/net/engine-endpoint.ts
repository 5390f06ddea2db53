/** The host in ssh://user@host:port or tcp://host:port; undefined for a socket on this machine. */
export function engineHost(endpoint: string): string | undefined {
  return /^(?:ssh|tcp):\/\/(?:[^@]*@)?([^:/]+)/.exec(endpoint)?.[1];
}

/** The words after `ssh` that log in to an endpoint as the docker command does. */
export function sshDestination(endpoint: string): string[] | undefined {
  const [, user, host, port] = /^ssh:\/\/(?:([^@]*)@)?([^:/]+)(?::(\d+))?/.exec(endpoint) ?? [];
  if (!host) return undefined;
  return [...(port ? ["-p", port] : []), user ? `${user}@${host}` : host];
}
