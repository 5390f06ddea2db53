import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { privateFolder } from "./private-folder.ts";

/** What every ssh to a host is told, by the steps and by the docker provider; all else is the user's own ssh config. */
export const SSH_OPTIONS = [
  // Nobody is there to type a password or to say yes to a host key.
  "BatchMode=yes",
  "ConnectTimeout=10",
  // A host that goes away without a word is given up after half a minute; without this, never.
  "ServerAliveInterval=10",
  "ServerAliveCountMax=3",
];

/** How long a connection is kept for the next docker command. Steps of one `up` follow each other within seconds. */
const KEEP_SECONDS = 15;

/** Room in a socket's address (108 bytes with its end), less `%C`'s 40 and the 17 that ssh adds while it makes one. */
const LONGEST_FOLDER = 107 - 1 - 40 - 17;

/**
 * An environment in which the docker command's ssh has the options, and shares one connection per
 * host: a docker command makes several, and sshd turns away many logins at once (MaxStartups). The
 * docker command takes no options for its ssh, so a program of that name is put before the real one.
 */
export function withSharedSsh(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const programs = (sharedSsh ??= { folder: sharedSshFolder() }).folder;
  return programs ? { ...env, PATH: `${programs}${delimiter}${env["PATH"] ?? ""}` } : env;
}

/** Made once per process, and not before it is needed. */
let sharedSsh: { folder: string | undefined } | undefined;

/** A folder that holds nothing but that program, written now; undefined where there is no safe place for it. */
function sharedSshFolder(): string | undefined {
  const folder = privateFolder();
  if (!folder) return undefined;
  const programs = join(folder, "bin");
  mkdirSync(programs, { recursive: true, mode: 0o700 });
  write(join(programs, "ssh"), program(folder));
  return programs;
}

function program(folder: string): string {
  const shared =
    folder.length > LONGEST_FOLDER
      ? []
      : ["ControlMaster=auto", `ControlPath=${folder}/%C`, `ControlPersist=${KEEP_SECONDS}`];
  const options = [...SSH_OPTIONS, ...shared].map((option) => `-o '${option}'`).join(" ");
  // It was found in the first folder of PATH; the real one is in another.
  return `#!/bin/sh\nPATH=\${PATH#*:}\nexec ssh ${options} "$@"\n`;
}

/** Whole or not at all: other steps run at the same time. */
function write(file: string, text: string): void {
  try {
    if (readFileSync(file, "utf8") === text) return;
  } catch {
    // not there yet
  }
  const unfinished = `${file}.${process.pid}`;
  writeFileSync(unfinished, text);
  chmodSync(unfinished, 0o700);
  renameSync(unfinished, file);
}
