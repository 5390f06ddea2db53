/**
 * What is said of a container that the stack's state has and the engine has not.
 *
 * @param what such as "container lab-rack1"
 */
export const goneProblem = (what: string): string =>
  `${what} is gone; pulumi up --refresh makes it anew`;
