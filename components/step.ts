import { local } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { StepInputs } from "../steps/run.ts";
import { findableStepText as stepText } from "./steps-note.ts";

/** Which step runs when; `update` and `delete` default to nothing. */
export interface StepTexts<Name extends keyof StepInputs> {
  create: Name;
  /** Default the step of `create`: each may run twice. */
  update?: Name;
  delete?: Name;
}

/** Where a Command shows what was found changed by hand. */
const FOUND = "OLLAMA_MESH_FOUND";

/**
 * What makes a step run again although nothing of its input changed (see drift.ts): part of the Command while
 * there is something, and ignored afterwards, since taking it away again would be a change.
 *
 * @param wrong undefined where nothing is
 */
function found(wrong: string | undefined) {
  if (wrong === undefined) return { ignored: ["environment"], environment: {} };
  // With the time, or the same thing found a second time would be no change.
  const environment = { [FOUND]: `${wrong} (seen ${new Date().toISOString()})` };
  return { ignored: [], environment: { environment } };
}

/** Options of a step. */
export interface StepOptions extends pulumi.CustomResourceOptions {
  /** Looked for by the program: what somebody changed by hand of what the step did; undefined for nothing. */
  drift?: string | undefined;
}

/** Options of a resource on a host that is switched off: left as it is, and forgotten without contact. */
export const leftAlone = (offline: boolean): pulumi.CustomResourceOptions =>
  offline ? { ignoreChanges: ["*"], retainOnDelete: true } : {};

/**
 * A step as a resource: a Command that runs it with its input on stdin. A failed one is not in the
 * state, so the next `up` tries it again, and only it.
 *
 * @param triggers values whose change replaces the resource, `delete` before `create`
 * @param remembers whether an update is told what the step printed before; that must be short
 */
export function step<Name extends keyof StepInputs>(
  name: string,
  texts: StepTexts<Name>,
  input: pulumi.Input<pulumi.Inputs>,
  options: StepOptions,
  triggers?: pulumi.Input<unknown>[],
  remembers = false,
): local.Command {
  const { drift, ...opts } = options;
  const { ignored, environment } = found(drift);
  const ignoreChanges = "drift" in options ? { ignoreChanges: ignored } : {};
  return new local.Command(
    name,
    {
      interpreter: ["node", "-e"],
      create: stepText(texts.create),
      update: stepText(texts.update ?? texts.create),
      ...(texts.delete ? { delete: stepText(texts.delete) } : {}),
      stdin: pulumi.jsonStringify(input),
      logging: local.Logging.Stderr,
      // Previous output in the environment would meet the system's limit on long ones.
      addPreviousOutputInEnv: remembers,
      ...environment,
      ...(triggers ? { triggers } : {}),
    },
    { deleteBeforeReplace: true, ...ignoreChanges, ...opts },
  );
}
