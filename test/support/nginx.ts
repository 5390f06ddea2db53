import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { isIP } from "node:net";
import { text } from "node:stream/consumers";

import { everywhere, readNginx } from "./nginx-tokens.ts";

/**
 * Reads names and configs in base64 and prints per name what `nginx -t` says, in base64; nothing where it
 * is satisfied without a warning.
 */
const TEST_ALL = `
while read -r name conf; do
  echo "$conf" | base64 -d > /tmp/nginx.conf
  if nginx -e stderr -q -t -c /tmp/nginx.conf 2> /tmp/said; then end=0; else end=$?; fi
  echo "$name $end $(base64 -w 0 < /tmp/said)"
done`;

/** What nginx says of configs, by name: "" is accepted without a word. */
export async function testWithNginx(
  image: string,
  confs: Readonly<Record<string, string>>,
): Promise<Record<string, string>> {
  const docker = spawn(
    "docker",
    [
      ...["run", "--rm", "--interactive", "--name", `ollama-mesh-test-nginx-${randomHex()}`],
      // As the balancer runs in production.
      ...["--user", "101:101", "--cap-drop", "ALL", "--read-only", "--tmpfs", "/tmp:mode=1777"],
      ...["--security-opt", "no-new-privileges", "--network", "none"],
      ...hostNames(Object.values(confs)).flatMap((name) => ["--add-host", `${name}:192.0.2.1`]),
      ...["--entrypoint", "sh", image, "-c", TEST_ALL],
    ],
    { stdio: ["pipe", "pipe", "pipe"] },
  );
  const ended = new Promise<number | null>((resolve, reject) => {
    docker.on("error", reject);
    docker.on("close", resolve);
  });
  const input = Object.entries(confs).map(
    ([name, conf]) => `${name} ${Buffer.from(conf).toString("base64")}\n`,
  );
  docker.stdin.end(input.join(""));
  const [out, errors, code] = await Promise.all([text(docker.stdout), text(docker.stderr), ended]);
  if (code !== 0) throw new Error(`docker run ${image} ended with ${code}: ${errors}`);
  const said = out.trim().split("\n").filter(Boolean);
  if (said.length !== input.length) throw new Error(`${said.length} answers: ${out}${errors}`);
  return Object.fromEntries(
    said.map((line) => {
      const [name = "", end, words = ""] = line.split(" ");
      const message = Buffer.from(words, "base64").toString();
      return [name, message || (end === "0" ? "" : `ended with ${end}`)];
    }),
  );
}

const randomHex = () => randomBytes(4).toString("hex");

/** Names in server lines: nginx resolves them when it reads the config. */
function hostNames(confs: string[]): string[] {
  const hosts = confs
    .flatMap((conf) => everywhere(readNginx(conf), "server"))
    .flatMap(({ args }) => args[0]?.replace(/:\d+$/, "") ?? [])
    .filter((host) => !host.startsWith("[") && isIP(host) === 0);
  return [...new Set(hosts)].sort();
}
