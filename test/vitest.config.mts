import { defineConfig } from "vitest/config";

import { SummaryReporter } from "./support/summary-reporter.ts";

const SECOND = 1000;
/** Measures how long an `up` takes, so nothing runs beside it. */
const ALONE = "test/docker/program.test.ts";
/** Minutes of changes on simulated machines; `npm test` without arguments leaves them out. */
const LAN = "test/lan/!(ssh).test.ts";

export default defineConfig({
  test: {
    reporters: ["default", new SummaryReporter()],
    silent: "passed-only",
    restoreMocks: true,
    unstubEnvs: true,
    // No retries: a test that fails now and then shows a mistake.
    retry: 0,
    maxWorkers: 2,
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          include: ["test/*.test.ts"],
          // An Output in a template literal throws instead of printing a riddle.
          env: { PULUMI_ERROR_OUTPUT_STRING: "true" },
          // For what hangs: on a busy machine a second's work has taken thirty.
          testTimeout: 60 * SECOND,
          hookTimeout: 60 * SECOND,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: "system",
          include: ["test/*/**/*.test.ts"],
          exclude: ["test/other-program/**", ALONE, LAN],
          // A test that runs an engine sets its own.
          testTimeout: 120 * SECOND,
          hookTimeout: 180 * SECOND,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: "alone",
          include: [ALONE],
          testTimeout: 120 * SECOND,
          hookTimeout: 180 * SECOND,
          sequence: { groupOrder: 2 },
        },
      },
      {
        extends: true,
        test: {
          name: "lan",
          include: [LAN],
          // Real changes of several machines on two cores.
          testTimeout: 900 * SECOND,
          hookTimeout: 900 * SECOND,
          sequence: { groupOrder: 3 },
        },
      },
    ],
  },
});
