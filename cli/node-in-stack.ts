import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { AdmissionInput } from "../steps/nodes/admission.ts";
import type { ReadyInput } from "../steps/nodes/ready.ts";
import type { RestartInput } from "../steps/nodes/restart.ts";
import { StepError } from "../steps/step-error.ts";

/** State files of large stacks have some megabytes. */
const LARGEST_STATE = 512 * 1024 * 1024;

interface Resource {
  type: string;
  /** About to be deleted: its successor stands beside it. */
  delete?: boolean;
  inputs?: { create?: unknown; stdin?: unknown };
}

/**
 * What a node's own steps were last told, by the stack's state: names, addresses and engines are those that
 * `pulumi up` used, also in a program of one's own.
 *
 * @param stack default the selected one
 * @throws StepError when no such node is in it
 */
export async function nodeInStack(node: string, stack?: string): Promise<RestartInput> {
  let inputs = stepInputs(await exported(stack));
  // With a secret in it (an address can be one) the whole input is.
  if (inputs.hidden) inputs = stepInputs(await exported(stack, "--show-secrets"));
  const admissions = inputs.of<AdmissionInput>("admit").filter((each) => each.node === node);
  const [admission] = admissions;
  if (!admission) {
    const names = inputs.of<AdmissionInput>("admit").map((each) => each.node);
    throw new StepError(
      names.length > 0
        ? `the stack has no node ${node}; it has ${names.sort().join(", ")}`
        : "the stack has no mesh; name another one by --stack, or run pulumi up first",
    );
  }
  if (admissions.length > 1) {
    throw new StepError(
      `several meshes of the stack have a node ${node}; restart it by docker restart, on ${admissions.map((each) => each.balancer.container).join(" or ")}`,
    );
  }
  const ready = inputs
    .of<ReadyInput>("ready")
    .find((each) => each.node === node && each.balancer.container === admission.balancer.container);
  if (!ready) {
    throw new StepError(
      `node ${node} is not managed: the mesh does not run it; restart it yourself`,
    );
  }
  return { ready, admission };
}

async function exported(stack: string | undefined, ...more: string[]): Promise<Resource[]> {
  const args = ["stack", "export", ...more, ...(stack === undefined ? [] : ["--stack", stack])];
  try {
    const { stdout } = await promisify(execFile)("pulumi", ["--non-interactive", ...args], {
      maxBuffer: LARGEST_STATE,
    });
    return (
      (JSON.parse(stdout) as { deployment: { resources?: Resource[] } }).deployment.resources ?? []
    );
  } catch (error) {
    const { code, stderr } = error as { code?: unknown; stderr?: string };
    if (code === "ENOENT") throw new StepError("the pulumi command is not on this machine");
    if (!stderr) throw error;
    throw new StepError(`pulumi ${args.join(" ")}: ${stderr.trim()}`);
  }
}

/** A secret is exported as an object, with --show-secrets together with its value as JSON. */
function revealed(value: unknown): unknown {
  const { plaintext } = (value ?? {}) as { plaintext?: unknown };
  return typeof plaintext === "string" ? JSON.parse(plaintext) : value;
}

function stepInputs(resources: Resource[]) {
  const steps = resources.flatMap(({ type, inputs, delete: old }) => {
    const name = /steps\.run\("(\w+)"\)/.exec(String(inputs?.create))?.[1];
    const stdin = revealed(inputs?.stdin);
    return type === "command:local:Command" && name && !old ? [{ name, stdin }] : [];
  });
  return {
    hidden: steps.some(({ stdin }) => typeof stdin !== "string"),
    of: <T>(step: string): T[] =>
      steps.flatMap(({ name, stdin }) =>
        name === step && typeof stdin === "string" ? [JSON.parse(stdin) as T] : [],
      ),
  };
}
