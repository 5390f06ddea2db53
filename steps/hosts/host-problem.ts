/** Something for which a host cannot take the change. */
export interface HostProblem {
  /** In words, with its way out. */
  text: string;
  /** Whether the engine itself is the problem: it was not reached, and the text names it. */
  ofEngine: boolean;
}

/** The problems of a host as they are shown: each names its engine. */
export const describeProblems = (endpoint: string, problems: readonly HostProblem[]): string[] =>
  problems.map(({ text, ofEngine }) => (ofEngine ? text : `Docker engine ${endpoint}: ${text}`));
