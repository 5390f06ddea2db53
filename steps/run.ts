import { text } from "node:stream/consumers";
import { admit, amend, drain, type AdmissionInput } from "./nodes/admission.ts";
import {
  applyConfig,
  keepSecrets,
  type ApplyConfigInput,
  type KeepSecretsInput,
} from "./balancer/apply-config.ts";
import { hosts, type HostsInput } from "./hosts/hosts.ts";
import { keepGuard, makeLink, type KeepGuardInput, type MakeLinkInput } from "./nodes/guard.ts";
import { migratesQueues, type MigratesQueuesInput } from "./balancer/front/migrates-queues.ts";
import { keepFiles, type KeepFilesInput } from "./engine/keep-files.ts";
import { makePassword } from "./monitoring/make-password.ts";
import { image, type ImageInput } from "./hosts/image.ts";
import { models, type ModelsInput } from "./models/models.ts";
import { mounts, type MountsInput } from "./nodes/mounts.ts";
import { ownUsage, type OwnUsageInput } from "./balancer/volume-helper.ts";
import { ports, type PortsInput } from "./balancer/ports.ts";
import { preflight, type PreflightInput } from "./hosts/preflight.ts";
import { reach, type ReachInput } from "./balancer/reach.ts";
import { ready, type ReadyInput } from "./nodes/ready.ts";
import { joinMesh, leaveMesh, type MoveNetworkInput } from "./balancer/front/move-network.ts";
import { serving, type ServingInput } from "./balancer/serving.ts";
import { holdAddress, type HoldAddressInput } from "./balancer/virtual-address/hold-address.ts";
import {
  keepalivedImage,
  type KeepalivedImageInput,
} from "./balancer/virtual-address/keepalived-image.ts";
import { DockerError } from "./engine/docker-engine.ts";
import { StepError } from "./step-error.ts";
import { delist, enlist, takeTurn, type TurnInput } from "./nodes/turn.ts";

/** What each step is told. The names are part of every stack's state: an old one must keep its meaning. */
export interface StepInputs {
  hosts: HostsInput;
  preflight: PreflightInput;
  image: ImageInput;
  models: ModelsInput;
  mounts: MountsInput;
  ownUsage: OwnUsageInput;
  ports: PortsInput;
  migratesQueues: MigratesQueuesInput;
  reach: ReachInput;
  keepSecrets: KeepSecretsInput;
  applyConfig: ApplyConfigInput;
  joinMesh: MoveNetworkInput;
  leaveMesh: MoveNetworkInput;
  serving: ServingInput;
  keepalivedImage: KeepalivedImageInput;
  holdAddress: HoldAddressInput;
  makePassword: object;
  keepFiles: KeepFilesInput;
  makeLink: MakeLinkInput;
  keepGuard: KeepGuardInput;
  enlist: TurnInput;
  takeTurn: TurnInput;
  delist: TurnInput;
  ready: ReadyInput;
  admit: AdmissionInput;
  amend: AdmissionInput;
  drain: AdmissionInput;
}

const STEPS: { [Name in keyof StepInputs]: (input: StepInputs[Name]) => Promise<unknown> } = {
  hosts,
  preflight,
  image,
  models,
  mounts,
  ownUsage,
  ports,
  migratesQueues,
  reach,
  keepSecrets,
  applyConfig,
  joinMesh,
  leaveMesh,
  serving,
  keepalivedImage,
  holdAddress,
  makePassword,
  keepFiles,
  makeLink,
  keepGuard,
  enlist,
  takeTurn,
  delist,
  ready,
  admit,
  amend,
  drain,
};

/**
 * Runs one step: its input is JSON on stdin, its result JSON on stdout, progress goes to
 * stderr. The components' Commands call this. What a user can mend (StepError) it prints and exits with 1.
 *
 * @throws whatever else a step throws: a mistake of ours, with its stack
 */
export async function run(name: keyof StepInputs): Promise<void> {
  try {
    const step = STEPS[name] as ((input: unknown) => Promise<unknown>) | undefined;
    if (!step) {
      throw new StepError(
        `this version of ollama-mesh has no step ${name}, which the stack was made with; install that version again, or a later one`,
      );
    }
    const result = await step(JSON.parse(await text(process.stdin)));
    process.stdout.write(JSON.stringify(result));
  } catch (error) {
    const message = messageFor(error);
    if (message === undefined) throw error;
    // On stdout, because the Command shows stderr twice: as progress, and again in the error.
    process.stdout.write(`${message}\n`);
    process.exitCode = 1;
  }
}

/** What a user is told; undefined for a mistake of ours. What Docker refuses is none, whether or not a step foresaw it. */
function messageFor(error: unknown): string | undefined {
  if (error instanceof StepError) return error.message;
  if (!(error instanceof DockerError)) return undefined;
  return `${error.message}; mend what Docker says, and run pulumi up again`;
}
