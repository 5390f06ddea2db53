import { readFileSync } from "node:fs";
import { CONFIG_FOLDER } from "../../templates/nginx-layout.ts";
import { StepError } from "../step-error.ts";
import { DockerError, dockerEngine } from "./docker-engine.ts";
import { fileLines } from "./file-lines.ts";

/** Files of a container. */
export interface KeepFilesInput {
  endpoint: string;
  volume: string;
  /** Any with a shell and coreutils: nginx's. */
  image: string;
  /** User and group of the container, by number. */
  user: string;
  /** By path in the volume; secrets among them. */
  files: Record<string, string>;
}

/**
 * Puts the files of a container into a volume, readable for its user only.
 *
 * @param called the volume in messages
 * @throws StepError when they cannot be written
 */
export async function keepFiles(
  input: KeepFilesInput,
  called = `volume ${input.volume}`,
): Promise<{ kept: string[] }> {
  const { endpoint, files } = input;
  try {
    await dockerEngine(endpoint).docker(keepFilesArgs(input), { input: fileLines(files) });
  } catch (error) {
    if (!(error instanceof DockerError)) throw error;
    const wayOut = error.isDiskFull
      ? "free some space there (docker system df shows what takes it)"
      : "mend that and run pulumi up again";
    throw new StepError(
      `${called} on ${endpoint} cannot be written: ${error.lastWords}; ${wayOut}`,
    );
  }
  return { kept: Object.keys(files) };
}

const KEEP = readFileSync(new URL("keep-files.sh", import.meta.url), "utf8");

/** Where the volume is meanwhile; any would do. */
const FOLDER = CONFIG_FOLDER;

/** By which the files on its stdin are put into a volume. */
export const keepFilesArgs = ({ volume, image, user }: KeepFilesInput): string[] => [
  ...["run", "--rm", "--interactive", "--network", "none", "--user", "0:0"],
  ...["--cap-drop", "ALL", "--cap-add", "CHOWN", "--security-opt", "no-new-privileges"],
  ...["--read-only", "--volume", `${volume}:${FOLDER}`],
  ...["--entrypoint", "sh", image, "-c", KEEP, "sh", FOLDER, user],
];
