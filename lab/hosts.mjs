// lab/hosts: N simulated machines of a LAN on this one.
import "../toolchain/node/oldest-node.mjs";
import { step } from "../toolchain/progress.mjs";
import { commandLine } from "./command-line.mjs";
import { ensureDockerEngine } from "./docker-engine.mjs";
import { ensureImages } from "./images.mjs";
import { builtImage } from "./images/docker-image.mjs";
import { HOST_IMAGE } from "./images/host/host-image.mjs";
import { DEFAULT_LAN, lanDown, lanUp } from "./lan/machines.mjs";

const HELP = `node lab/hosts.mjs up N | down   [--name <name>] [--dir <folder>] [--bare] [--internal]

Simulated machines lan1 to lanN on this one, as containers on a private bridge: each has its own address,
sshd, host key and Docker engine with the lab's images. Two non-root users exist, "ops" and "admin", who
may use the engine; one of them may log in: ops on port 22, but on lan3 admin on 2222.

  up N              makes exactly N machines run; those that are there, and as they should be, are kept
  down              removes them with all that is on them, and nothing else

  --name <name>     prefix of all names, default ${DEFAULT_LAN}: LANs of different names know nothing of each other
  --dir <folder>    for key, ssh_config and known_hosts, default in ~/.cache/ollama-mesh
  --bare            without images
  --internal        without a way out of the LAN
  --engine-args <s> more arguments for their dockerd
  --help            this text

Afterwards, with the folder's bin/ first on the PATH, "ssh lan1" and "docker -H ssh://lan1 ps" work, and so
does "host: ssh://lan1" in a stack file. What can happen to a machine:

  docker kill <name>-lan1, docker start <name>-lan1                    switched off, and on again
  docker network disconnect|connect --ip <address> <name> <name>-lan1  cable pulled: no answer at all
  docker exec <name>-lan1 engine off|on|restart                        its Docker engine
  docker exec <name>-lan1 pkill sshd, docker exec <name>-lan1 /usr/sbin/sshd   its sshd

and "up N" mends all of that.`;

await commandLine(
  HELP,
  {
    name: { type: "string" },
    dir: { type: "string" },
    bare: { type: "boolean" },
    internal: { type: "boolean" },
    "engine-args": { type: "string" },
  },
  async (values, words) => {
    const [command, number] = words;
    const which = {
      ...(values.name ? { name: lanName(String(values.name)) } : {}),
      ...(values.dir ? { folder: String(values.dir) } : {}),
    };
    if (command === "down" && words.length === 1) {
      await ensureDockerEngine();
      await step("Remove the machines", async (detail) =>
        detail(`${await lanDown(which)} of them`),
      );
      return;
    }
    const count = Number(number);
    if (
      command !== "up" ||
      words.length !== 2 ||
      !(Number.isInteger(count) && count >= 1 && count <= 200)
    ) {
      throw new Error(
        `must be "up N", 1-200, or "down", got "${words.join(" ")}"; --help says more`,
      );
    }
    await ensureDockerEngine();
    const image = await builtImage(HOST_IMAGE);
    const { nginx, ollama } = values.bare ? {} : await ensureImages();
    const images = [nginx, ollama].flatMap((reference) => reference ?? []);
    const lan = await step(`Switch on ${count} machines`, (detail) =>
      lanUp({
        ...which,
        count,
        image,
        images,
        internal: values.internal === true,
        engineArgs: String(values["engine-args"] ?? ""),
        detail,
      }),
    );
    for (const { name, address, endpoint, container } of lan.hosts) {
      console.log(`${name}  ${address}  ${endpoint}  container ${container}`);
    }
    console.log(
      `\nexport PATH="${lan.folder}/bin:$PATH"   # ssh and docker -H ssh://lan1 know them then`,
    );
  },
  { words: true },
);

/** @param {string} name */
function lanName(name) {
  if (/^[a-z0-9][a-z0-9-]{0,40}$/.test(name)) return name;
  throw new Error(`--name must be lower-case letters, digits and "-", got ${name}`);
}
