// npm run live, with everything in place: see test/live.mjs.
import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";

import { step } from "../../toolchain/progress.mjs";
import type { Row } from "./observed.ts";
import { failuresInWords, oneLine, summedUp, table, withTable } from "./report.ts";
import { abandon, runScenario, type Outcome, type Scenario } from "./scenario.ts";
import { SCENARIOS } from "./scenarios/index.ts";

/** A run that is ended takes its mesh with it; what it does not get hold of, the next run removes. */
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    console.error("ended: removing the mesh");
    const gone = abandon().catch((error: Error) => console.error(error.message));
    void gone.then(() => process.exit(130));
  });
}

try {
  const { names, times, list, markdown } = commandLine();
  if (list) for (const { name, about } of SCENARIOS) console.log(`${name.padEnd(16)}${about}`);
  else process.exitCode = await runAll(names, times, markdown);
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 2;
}

/** @throws Error for what cannot be meant */
function commandLine() {
  const { values, positionals } = parseArgs({
    options: {
      times: { type: "string", default: "1" },
      list: { type: "boolean", default: false },
      markdown: { type: "string" },
    },
    allowPositionals: true,
  });
  const known = SCENARIOS.map(({ name }) => name);
  const unknown = positionals.filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    throw new Error(`no scenario is called ${unknown.join(", ")}; there are ${known.join(", ")}`);
  }
  const times = Number(values.times);
  if (!(Number.isInteger(times) && times > 0)) {
    throw new Error(`--times must be a whole number from 1, got ${values.times}`);
  }
  const { list, markdown } = values;
  if (markdown !== undefined) {
    if (positionals.length > 0) throw new Error("--markdown takes all scenarios, and no names");
    // Before hours of measuring, not after them.
    try {
      withTable(readFileSync(markdown, "utf8"), [], times);
    } catch (error) {
      throw new Error(`--markdown ${markdown}: ${(error as Error).message}`, { cause: error });
    }
  }
  return { names: positionals.length > 0 ? positionals : known, times, list, markdown };
}

/** Runs scenarios one after the other, prints the table, writes it where all went well, and gives the exit code. */
async function runAll(
  names: readonly string[],
  times: number,
  markdown: string | undefined,
): Promise<number> {
  const rows: Row[] = [];
  const problems: string[] = [];
  for (const scenario of SCENARIOS.filter(({ name }) => names.includes(name))) {
    const runs: Row[][] = [];
    for (let time = 1; time <= times; time++) {
      const title = times > 1 ? `${scenario.name}, run ${time} of ${times}` : scenario.name;
      const { rows: own, error } = await runOnce(scenario, title);
      runs.push(own);
      for (const row of own) {
        problems.push(...row.problems.map((problem) => `${title}, ${row.what}: ${problem}`));
      }
      if (error) problems.push(`${title} ended early: ${error.message}`);
    }
    rows.push(...summedUp(runs));
  }
  console.log(table(rows));
  for (const problem of problems) console.log(`\n- ${problem}`);
  if (problems.length > 0) return 1;
  if (markdown !== undefined) {
    writeFileSync(markdown, withTable(readFileSync(markdown, "utf8"), rows, times));
  }
  return 0;
}

async function runOnce(scenario: Scenario, title: string): Promise<Outcome> {
  return step<Outcome>(`${title}: ${scenario.about}`, async (detail) => {
    const outcome = await runScenario(scenario, detail, (row) => {
      console.error(`  ${oneLine(row)}`);
      for (const words of failuresInWords(row)) console.error(`    ${words}`);
    });
    const requests = outcome.rows.reduce((sum, row) => sum + row.requests, 0);
    detail(`${outcome.rows.length} steps, ${requests} requests`);
    return outcome;
  });
}
