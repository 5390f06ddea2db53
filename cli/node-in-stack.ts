import { runProcess } from "../steps/engine/process.ts";
import type { AdmissionInput } from "../steps/nodes/admission.ts";
import type { ReadyInput } from "../steps/nodes/ready.ts";
import type { RestartInput } from "../steps/nodes/restart.ts";
import { StepError } from "../steps/step-error.ts";
import { stepOf } from "../steps/step-text.ts";

/** For a state that lies far away, with secrets that a service there opens; only against one that never answers. */
const EXPORT_SECONDS = 300;

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

function stepInputs(resources: Resource[]) {
  const steps = resources.flatMap(({ type, inputs, delete: old }) => {
    const name = stepOf(inputs?.create);
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
