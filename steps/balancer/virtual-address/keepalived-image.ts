import { shortHash } from "../../../config/short-hash.ts";
import { DockerError, dockerEngine } from "../../engine/docker-engine.ts";
import { BUILD_SECONDS } from "../../limits.ts";
import { progress, StepError } from "../../step-error.ts";

/** nginx has curl, and is there already; Debian has keepalived, of which there is no official image. */
const dockerfile = (nginx: string): string => `FROM ${nginx}
USER root
RUN apt-get update \\
 && apt-get install -y --no-install-recommends keepalived iproute2 \\
 && rm -rf /var/lib/apt/lists/*
`;

/** Name of the image with keepalived that is built on an nginx image. */
export const keepalivedImageOn = (nginx: string): string =>
  `ollama-mesh/keepalived:${shortHash(dockerfile(nginx), 16)}`;

/** The image with keepalived that an engine must have. */
export interface KeepalivedImageInput {
  endpoint: string;
  /** nginx image that it is built on, which the engine has. */
  nginx: string;
}

/**
 * Builds the image with keepalived on an engine that has it not.
 *
 * @throws StepError when it cannot, as where Debian's packages are out of its reach
 */
export async function keepalivedImage({
  endpoint,
  nginx,
}: KeepalivedImageInput): Promise<{ image: string }> {
  const { docker } = dockerEngine(endpoint);
  const image = keepalivedImageOn(nginx);
  if ((await docker(["images", "--quiet", image])).trim() !== "") return { image };
  progress(`${image}: building`);
  try {
    await docker(["build", "--force-rm", "--tag", image, "-"], {
      input: dockerfile(nginx),
      timeoutSeconds: BUILD_SECONDS,
    });
  } catch (error) {
    if (!(error instanceof DockerError)) throw error;
    throw new StepError(
      `the image with keepalived cannot be built on ${endpoint}: ${error.lastWords.slice(0, 300)}; let that engine reach Debian's packages, or build one elsewhere, load it there by docker load, and declare it as balancer.keepalivedImage (docs/two-balancers.md)`,
    );
  }
  return { image };
}
