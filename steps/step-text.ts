import type { StepInputs } from "./run.ts";

/**
 * The text of a step's Command. It names the step and this package, and no path, so that a second checkout or a
 * colleague's machine sees no change. It is part of every stack's state, and run from there when a resource is
 * deleted: it must stay as it is.
 */
export const stepText = (name: keyof StepInputs): string =>
  `import("ollama-mesh/steps").then((steps) => steps.run("${name}"))`;

/** Which step a Command's text runs; undefined for one that runs none. */
export const stepOf = (text: unknown): string | undefined =>
  /\bsteps\.run\("(\w+)"\)/.exec(String(text))?.[1];
