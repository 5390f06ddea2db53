import { defineConfig } from "vitest/config";

import { SummaryReporter } from "./support/report/summary-reporter.ts";

const SECOND = 1000;
/** Measures how long an `up` takes, so nothing runs beside it. */
const ALONE = "test/engine/mesh/program.test.ts";

/**
 * A level of tests. Levels of one group run side by side, groups one after the other.
 *
 * @param seconds until a test that hangs fails: on a busy machine a second's work has taken thirty
 */
function level(name: string, group: number, seconds: number, more: object = {}) {
  const include = [`test/${name}/**/*.test.ts`];
  const limits = { testTimeout: seconds * SECOND, hookTimeout: Math.max(seconds, 180) * SECOND };
  const test = { name, include, ...limits, sequence: { groupOrder: group }, ...more };
  return { extends: true as const, test };
}

// An Output in a template literal throws instead of printing a riddle.
const STRICT_OUTPUTS = { PULUMI_ERROR_OUTPUT_STRING: "true" };

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
      level("unit", 0, 60, { env: STRICT_OUTPUTS }),
      level("golden", 0, 60, { env: STRICT_OUTPUTS }),
      level("behaviour", 1, 120),
      level("lab", 1, 120),
      level("toolchain", 1, 120),
      level("engine", 1, 120, { exclude: [ALONE] }),
      level("live", 1, 120),
      level("alone", 2, 120, { include: [ALONE] }),
      // How nodes are chosen, on a real nginx under minutes of load; the default run has its shorter claims, so only by name.
      level("router", 3, 120),
      // The status page in a browser, which few machines have: only by name.
      level("page", 3, 240),
      // Programs in every language, from an empty folder: hosts are built and packages downloaded, so only by name.
      level("languages", 3, 600),
      // An up that is killed some fifteen times, or stopped: minutes, so only by name.
      level("interrupted", 3, 1800),
      // Real changes of several machines on two cores; `npm test` without arguments leaves them out.
      level("lan", 3, 900),
    ],
  },
});
