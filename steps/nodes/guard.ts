import { makeKeyPair, type KeyPair } from "./key-pair.ts";
import { dockerEngine } from "../engine/docker-engine.ts";
import { fileLines } from "../engine/file-lines.ts";
import { CONFIG_FOLDER, NGINX_USER } from "../../templates/nginx-layout.ts";

/** By what a balancer and a node's guard know each other: each trusts exactly one certificate. */
export interface LinkKeyPairs {
  server: KeyPair;
  client: KeyPair;
}

/** The node whose guard it is for. */
export interface MakeLinkInput {
  /** Name in the certificates. */
  name: string;
}

/** Makes the two certificates of a link. What is printed is secret, and is made once: it is kept in the state. */
export async function makeLink({ name }: MakeLinkInput): Promise<LinkKeyPairs> {
  const [server, client] = await Promise.all([
    makeKeyPair(name, "server"),
    makeKeyPair(name, "client"),
  ]);
  return { server, client };
}

/** Files of a guard. */
export interface KeepGuardInput {
  endpoint: string;
  volume: string;
  /** nginx's. */
  image: string;
  /** By name; keys among them. */
  files: Record<string, string>;
}

/** Files as lines of name and base64 on stdin. Each is nginx's alone before it has its name. */
const WRITE = `umask 077
cd ${CONFIG_FOLDER} && chmod 0755 . || exit 1
while read -r name data; do
  echo "$data" | base64 -d > "$name.new" && chown ${NGINX_USER} "$name.new" && mv "$name.new" "$name" || exit 1
done`;

/** Puts the files of a guard into its volume, readable for nginx only. */
export async function keepGuard(input: KeepGuardInput): Promise<{ kept: string[] }> {
  const { endpoint, volume, image, files } = input;
  await dockerEngine(endpoint).docker(
    [
      ...["run", "--rm", "--interactive", "--network", "none", "--user", "0:0"],
      ...["--cap-drop", "ALL", "--cap-add", "CHOWN", "--security-opt", "no-new-privileges"],
      ...["--read-only", "--volume", `${volume}:${CONFIG_FOLDER}`],
      ...["--entrypoint", "sh", image, "-c", WRITE],
    ],
    { input: fileLines(files) },
  );
  return { kept: Object.keys(files) };
}
