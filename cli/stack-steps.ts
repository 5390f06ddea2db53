import { runProcess } from "../steps/engine/process.ts";
import { StepError } from "../steps/step-error.ts";
import type { StepInputs } from "../steps/run.ts";
import { stepOf } from "../steps/step-text.ts";

/** Said where a stack has none. */
export const NO_MESH = "the stack has no mesh; name another one by --stack, or run pulumi up first";

/** For a state that lies far away, with secrets that a service there opens; only against one that never answers. */
const EXPORT_SECONDS = 300;

interface Resource {
  type: string;
  /** About to be deleted: its successor stands beside it. */
  delete?: boolean;
  inputs?: { create?: unknown; stdin?: unknown };
}

/** What the steps of a stack were last told: names, addresses and engines are those that `pulumi up` used. */
export interface StackSteps {
  /** The inputs of every Command of a step. */
  of<Name extends keyof StepInputs>(step: Name): StepInputs[Name][];
}

/** Engines of a stack that are declared switched off: nobody asks them. */
export const offlineEngines = (steps: StackSteps): Set<string> =>
  new Set(steps.of("hosts").flatMap(({ offline = [] }) => offline));

/**
 * Reads a stack's state, also that of a program of one's own, with secrets where one is in the way.
 *
 * @param stack default the selected one
 * @throws StepError when pulumi cannot read it
 */
export async function stackSteps(stack?: string): Promise<StackSteps> {
  const steps = stepInputs(await exported(stack));
  // With a secret in it (an address can be one) the whole input is.
  if (!steps.hidden) return steps;
  return stepInputs(await exported(stack, "--show-secrets"));
}

async function exported(stack: string | undefined, ...more: string[]): Promise<Resource[]> {
  const args = ["stack", "export", ...more, ...(stack === undefined ? [] : ["--stack", stack])];
  const { code, stdout, stderr } = await runProcess("pulumi", ["--non-interactive", ...args], {
    timeoutSeconds: EXPORT_SECONDS,
  }).catch(withoutPulumi);
  if (code !== 0) throw new StepError(`pulumi ${args.join(" ")}: ${stderr.trim()}`);
  return (
    (JSON.parse(stdout) as { deployment: { resources?: Resource[] } }).deployment.resources ?? []
  );
}

function withoutPulumi(error: NodeJS.ErrnoException): never {
  if (error.code !== "ENOENT") throw error;
  throw new StepError(
    "the pulumi command is not on this machine's PATH; add its folder there, or run this where pulumi up is run",
  );
}

/** A secret is exported as an object, with --show-secrets together with its value as JSON. */
function revealed(value: unknown): unknown {
  const { plaintext } = (value ?? {}) as { plaintext?: unknown };
  return typeof plaintext === "string" ? JSON.parse(plaintext) : value;
}

function stepInputs(resources: Resource[]): StackSteps & { hidden: boolean } {
  const steps = resources.flatMap(({ type, inputs, delete: old }) => {
    const name = stepOf(inputs?.create);
    const stdin = revealed(inputs?.stdin);
    return type === "command:local:Command" && name && !old ? [{ name, stdin }] : [];
  });
  return {
    hidden: steps.some(({ stdin }) => typeof stdin !== "string"),
    of: <Name extends keyof StepInputs>(step: Name) =>
      steps.flatMap(({ name, stdin }) =>
        name === step && typeof stdin === "string" ? [JSON.parse(stdin) as StepInputs[Name]] : [],
      ),
  };
}
