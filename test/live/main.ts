// npm run live, with everything in place: see test/live.mjs.
import { parseArgs } from "node:util";

import { step } from "../../toolchain/progress.mjs";
import type { Row } from "./live-mesh.ts";
import { summedUp, table } from "./report.ts";
import { runScenario, type Outcome, type Scenario } from "./scenario.ts";
import { SCENARIOS } from "./scenarios/index.ts";

const { values, positionals } = parseArgs({
  options: { times: { type: "string", default: "1" } },
  allowPositionals: true,
});
const chosen = SCENARIOS.filter(
  ({ name }) => positionals.length === 0 || positionals.includes(name),
);
const rows: Row[] = [];
const problems: string[] = [];
for (const scenario of chosen) {
  const runs: Row[][] = [];
  for (let time = 1; time <= Number(values.times); time++) runs.push(await once(scenario, time));
  rows.push(...summedUp(runs));
}
console.log(table(rows));
if (problems.length > 0) {
  console.log(`\n${problems.map((problem) => `- ${problem}`).join("\n")}`);
  process.exitCode = 1;
}

async function once(scenario: Scenario, time: number): Promise<Row[]> {
  const again = time > 1 ? `, run ${time}` : "";
  const title = `${scenario.name}${again}: ${scenario.about}`;
  const { rows, error } = await step<Outcome>(title, async (detail) => {
    const outcome = await runScenario(scenario, detail);
    const requests = outcome.rows.reduce((sum, row) => sum + row.requests, 0);
    detail(`${outcome.rows.length} steps, ${requests} requests`);
    return outcome;
  });
  for (const { what, problems: own } of rows) {
    problems.push(...own.map((problem) => `${scenario.name}${again}, ${what}: ${problem}`));
  }
  if (error) problems.push(`${scenario.name}${again} ended early: ${error.message}`);
  return rows;
}
