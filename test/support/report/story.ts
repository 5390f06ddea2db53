import { beforeEach } from "vitest";

/**
 * Makes the tests of a file one story, told in order: each goes on where the one before ended. Once one has
 * failed, those after it are skipped with that as the reason, since they could only fail of the same cause.
 */
export function story(): void {
  let failed: string | undefined;
  beforeEach(({ skip, task, onTestFailed }) => {
    if (failed) skip(`needs the step before, which failed: ${failed}`);
    onTestFailed(() => void (failed = task.name));
  });
}
