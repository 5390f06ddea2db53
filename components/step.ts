import { local } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { StepInputs } from "../steps/run.ts";

/** Which step runs when; `update` and `delete` default to nothing. */
export interface StepTexts<Name extends keyof StepInputs> {
  create: Name;
  /** Default the step of `create`: each may run twice. */
  update?: Name;
  delete?: Name;
}

/**
 * A step as a resource: a Command that runs it with its input on stdin. A failed one is not in the
 * state, so the next `up` tries it again, and only it.
 *
 * The text names the step and this package, and no path, so that a second checkout or a colleague's
 * machine sees no change. It is run with the old state's text when a resource is deleted: keep it.
 *
 * @param triggers values whose change replaces the resource, `delete` before `create`
 */
export function step<Name extends keyof StepInputs>(
  name: string,
  texts: StepTexts<Name>,
  input: pulumi.Input<pulumi.Inputs>,
  opts: pulumi.CustomResourceOptions,
  triggers?: pulumi.Input<unknown>[],
): local.Command {
  return new local.Command(
    name,
    {
      interpreter: ["node", "-e"],
      create: text(texts.create),
      update: text(texts.update ?? texts.create),
      ...(texts.delete ? { delete: text(texts.delete) } : {}),
      stdin: pulumi.jsonStringify(input),
      logging: local.Logging.Stderr,
      // Previous output in the environment would meet the system's limit on long ones.
      addPreviousOutputInEnv: false,
      ...(triggers ? { triggers } : {}),
    },
    { ...opts, deleteBeforeReplace: true },
  );
}

const text = (name: string) => `import("ollama-mesh/steps").then((steps) => steps.run("${name}"))`;
