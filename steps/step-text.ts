import type { StepInputs } from "./run.ts";

/**
 * The text of a step's Command. It names the step and this package, and no path, so that a second checkout or a
 * colleague's machine sees no change. It is part of every stack's state, and run from there when a resource is
 * deleted: it must stay as it is.
 */
export const stepText = (name: keyof StepInputs): string =>
  `import("ollama-mesh/steps").then((steps) => steps.run("${name}"))`;

/** The folder of Pulumi's home with a note for each folder that programs run in: see notedStepText. */
export const NOTES = "ollama-mesh/steps";

/** The file in a note's folder: a module that is a promise of the steps. */
export const NOTE = "run.cjs";

/**
 * The text of a step's Command where the program's folder has no such package, as one in Python has none: the steps
 * are those that a note names, which the program leaves in Pulumi's home under the path of the folder it runs in. The
 * Command runs in the same one. It too names no path and must stay as it is.
 */
export const notedStepText = (name: keyof StepInputs): string =>
  `require(path.resolve(process.env.PULUMI_HOME || os.homedir() + "/.pulumi", "${NOTES}" + process.cwd(), "${NOTE}"))` +
  `.then((steps) => steps.run("${name}"))`;

/** Which step a Command's text runs; undefined for one that runs none. */
export const stepOf = (text: unknown): string | undefined =>
  /\bsteps\.run\("(\w+)"\)/.exec(String(text))?.[1];
