import { parseEndpoint, sshDestination } from "../../config/net/engine-endpoint.ts";

/** Ways in which an engine is out of reach, each with its way out; `login` is the ssh command that shows it. */
const UNREACHABLE: readonly [RegExp, (login: string, host: string) => string][] = [
  [
    /client version \S+ is too old/i,
    () => "the docker command of this machine is too old for it; install a newer one",
  ],
  [
    /unable to resolve docker endpoint/i,
    () =>
      "its certificates in ~/.docker/certs.d cannot be used; correct them, or who may read them",
  ],
  [
    /permission denied.*(docker\.sock|daemon socket|docker daemon|docker API)/is,
    () =>
      "this user may not use it; add the user to group docker there (sudo usermod -aG docker USER), or log in as another",
  ],
  [
    /REMOTE HOST IDENTIFICATION HAS CHANGED/i,
    (login, host) =>
      `its ssh host key is not the known one. If the machine was set up anew, forget the old key (ssh-keygen -R '${host}') and accept the new one (${login}); else somebody may stand in its place`,
  ],
  [
    /Host key verification failed/i,
    (login) =>
      `its ssh host key is not known; run  ${login}  once, compare the fingerprint that it shows, and accept it`,
  ],
  [
    /Permission denied \(|Too many authentication failures/i,
    (login) =>
      `ssh refused the login; correct user and key until  ${login} true  works without a question (ssh-copy-id brings a key there, ssh-add unlocks one)`,
  ],
  [
    /Could not resolve hostname|no such host/i,
    () => "the host name is not known; correct `host`, or add it to ~/.ssh/config or DNS",
  ],
  [
    /kex_exchange_identification|Connection closed by|Connection reset by|Broken pipe/i,
    () =>
      "its sshd broke off the connection; run it again, and if many connections at once are the cause, raise MaxStartups there",
  ],
  [
    /x509: |tls: |HTTP request to an HTTPS server|HTTP response to HTTPS client/i,
    () =>
      "one side does not accept the other's certificate, or only one speaks TLS; its folder in ~/.docker/certs.d must have its authority's ca.pem, and a cert.pem and key.pem that it accepts",
  ],
  [
    /timed? ?out|gave no answer|No route to host|Network is unreachable|not responding/i,
    () => "the host does not answer; switch it on, or correct `host`",
  ],
  [
    /(ssh: connect to host|^ssh: ).*connection refused/is,
    () => "the host is on, but no sshd answers there; start it, or correct the port in `host`",
  ],
  [
    /docker: (command )?not found|docker: No such file/i,
    () => "the docker command is not on that host; install Docker there",
  ],
  [
    /Cannot connect to the Docker daemon|connection refused|error during connect|failed to connect to the docker API|command not found/i,
    () =>
      "no engine answers there; install or start Docker (systemctl start docker), or correct `host`",
  ],
];

/**
 * How docker, or the ssh that it starts, says that the engine was not reached. Nothing looser: what a
 * program in a container says ("dial tcp ...: connection refused") arrives on the same stderr.
 */
const NOT_REACHED =
  /^(docker: )?(Cannot connect to the Docker daemon|error during connect|(Got )?permission denied while trying to connect|failed to connect to the docker API|ssh: |kex_exchange_identification|Host key verification failed|\S+@\S+: Permission denied|Error response from daemon: (Client sent an HTTP request to an HTTPS server|client version \S+ is too old)|Failed to initialize: unable to resolve docker endpoint)|gave no answer in \d+ s$/im;

/** Why the engine was not reached and what to do; undefined when it was. */
export function explainUnreachable(endpoint: string, stderr: string): string | undefined {
  if (!NOT_REACHED.test(stderr)) return undefined;
  // The engine's words about ssh are long, and the reason stands at their end.
  const words = (/stderr=(.*)/s.exec(stderr)?.[1] || stderr).trim();
  const found = UNREACHABLE.find(([pattern]) => pattern.test(words));
  const parsed = parseEndpoint(endpoint);
  const host = parsed?.host ?? "";
  const login = `ssh ${(sshDestination(endpoint) ?? []).join(" ")}`;
  const wayOut =
    found?.[1](login, parsed?.port ? `[${host}]:${parsed.port}` : host) ??
    "it is not reached; mend what docker says";
  const last = words.split(/\r?\n/).findLast((line) => line.trim() !== "") ?? "";
  return `Docker engine ${endpoint}: ${wayOut}\n  docker says: ${last.trim().slice(0, 300)}`;
}
