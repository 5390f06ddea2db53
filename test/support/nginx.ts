import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import { text } from "node:stream/consumers";

import { njsProgram } from "../../templates/njs-program.ts";
import { TLS_FOLDER } from "../../templates/nginx-layout.ts";
import { ownStackName } from "../engine/support/leftovers.ts";
import { everywhere, readNginx } from "./nginx-tokens.ts";

/** Where every host name in a config leads. */
export const NAMED_ADDRESS = "127.0.0.1";

/** A config and what lies beside it: content by name, or by absolute path in the folder of TLS files. */
export interface WithFiles {
  conf: string;
  files: Readonly<Record<string, string>>;
}

/** What a config imports, with the stand-in for what the program is told. */
const PROGRAM = {
  ...njsProgram(),
  "data.js": readFileSync(new URL("../../templates/njs/data.js", import.meta.url), "utf8"),
};

/** In the place of a case's name: what is beside the configs of many. */
const SHARED = ".program";

/**
 * Reads lines of a case, a file's path and its content in base64; the config comes last. Prints per case
 * what `nginx -t` says, in base64: nothing where it is satisfied without a warning.
 */
const TEST_ALL = `
while read -r name path content; do
  [ -d "/tmp/case/$name" ] || mkdir -p "/tmp/case/$name"
  cd "/tmp/case/$name" || exit
  if [ "$path" = ${SHARED} ]; then cp /tmp/case/${SHARED}/* .; continue; fi
  echo "$content" | base64 -d > "$path"
  [ "$path" = nginx.conf ] || continue
  if nginx -e stderr -q -t -c "$PWD/nginx.conf" 2> /tmp/said; then end=0; else end=$?; fi
  echo "$name $end $(base64 -w 0 < /tmp/said)"
done`;

/** What nginx says of configs, by name: "" is accepted without a word. */
export async function testWithNginx(
  image: string,
  configs: Readonly<Record<string, string | WithFiles>>,
): Promise<Record<string, string>> {
  const all = Object.entries(configs).map(([name, config]) => {
    const { conf, files } = typeof config === "string" ? { conf: config, files: {} } : config;
    return { name, conf, files: { ...files, "nginx.conf": conf } };
  });
  const lines = (name: string, files: Readonly<Record<string, string>>) =>
    Object.entries(files).map(
      ([path, content]) => `${name} ${path} ${Buffer.from(content).toString("base64")}\n`,
    );
  const input = [
    ...lines(SHARED, PROGRAM),
    ...all.flatMap(({ name, conf, files }) => [
      ...(conf.includes("js_import") ? [`${name} ${SHARED}\n`] : []),
      ...lines(name, files),
    ]),
  ];
  const out = await inNginx(image, TEST_ALL, input.join(""), hostNames(all.map((c) => c.conf)));
  const said = out.trim().split("\n").filter(Boolean);
  if (said.length !== all.length) throw new Error(`${said.length} answers: ${out}`);
  return Object.fromEntries(
    said.map((line) => {
      const [name = "", end, words = ""] = line.split(" ");
      const message = Buffer.from(words, "base64").toString();
      return [name, message || (end === "0" ? "" : `ended with ${end}`)];
    }),
  );
}

/**
 * Starts nginx with a config and asks it once, from inside its container.
 *
 * @returns the headers of its answer, by name in lower case
 */
export async function headersFromNginx(
  image: string,
  conf: string,
  path: string,
): Promise<Record<string, string>> {
  const script = `cat > /tmp/nginx.conf && nginx -e stderr -c /tmp/nginx.conf >&2 && curl -sSI -X GET "http://127.0.0.1:8080$0"`;
  const out = await inNginx(image, script, conf, hostNames([conf]), [path]);
  const headers = out.split(/\r?\n/).flatMap((line) => {
    const at = line.indexOf(": ");
    return at < 0 ? [] : [[line.slice(0, at).toLowerCase(), line.slice(at + 2)] as const];
  });
  return Object.fromEntries(headers);
}

/** Runs a script in a container of the nginx image, hardened as the balancer is in production. */
async function inNginx(
  image: string,
  script: string,
  input: string,
  hosts: string[],
  args: string[] = [],
): Promise<string> {
  const docker = spawn(
    "docker",
    [
      ...["run", "--rm", "--interactive", "--name", `mesh-${ownStackName()}-nginx`],
      ...["--user", "101:101", "--cap-drop", "ALL", "--read-only", "--tmpfs", "/tmp:mode=1777"],
      ...["--tmpfs", `${TLS_FOLDER}:mode=1777`],
      ...["--security-opt", "no-new-privileges", "--network", "none"],
      ...hosts.flatMap((name) => ["--add-host", `${name}:${NAMED_ADDRESS}`]),
      ...["--entrypoint", "sh", image, "-c", script, ...args],
    ],
    { stdio: ["pipe", "pipe", "pipe"] },
  );
  const ended = new Promise<number | null>((resolve, reject) => {
    docker.on("error", reject);
    docker.on("close", resolve);
  });
  docker.stdin.end(input);
  const [out, errors, code] = await Promise.all([text(docker.stdout), text(docker.stderr), ended]);
  if (code !== 0) throw new Error(`docker run ${image} ended with ${code}: ${errors}`);
  return out;
}

/** Names in server lines: nginx resolves them when it reads the config. */
function hostNames(confs: string[]): string[] {
  const hosts = confs
    .flatMap((conf) => everywhere(readNginx(conf), "server"))
    .flatMap(({ args }) => args[0]?.replace(/:\d+$/, "") ?? [])
    .filter((host) => !/^(\[|unix:)/.test(host) && isIP(host) === 0);
  return [...new Set(hosts)].sort();
}
