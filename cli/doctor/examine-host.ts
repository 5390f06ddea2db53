import { hostsTable } from "../../steps/hosts/hosts-table.ts";
import { inspectHost, type HostInspection } from "../../steps/hosts/inspect-host.ts";
import type { HostNeeds } from "../../steps/hosts/host-needs.ts";
import type { Examination } from "./finding.ts";

/** Of a host with models: below that, none can be downloaded. */
const LEAST_GIB = 2;

/** Looks at a host as an `up` does before it changes anything, and at the space that is left. */
export async function examineHost(
  needs: HostNeeds,
): Promise<Examination & { inspection: HostInspection }> {
  const { endpoint, volume, minimumFreeGiB: least = LEAST_GIB } = needs;
  const of = `host ${endpoint}`;
  const inspection = await inspectHost(needs);
  const findings = inspection.problems.map(({ text }) => ({ of, text }));
  const { freeGiB } = inspection;
  if (volume && freeGiB !== undefined && freeGiB < least) {
    const text = `it has ${freeGiB.toFixed(1)} GiB left, and rollout.minimumFreeGib asks for ${least} before a download; free some space there (docker system df shows what takes it)`;
    findings.push({ of, text });
  }
  return { inspection, findings };
}

/** What was seen of the hosts. */
export const hostLines = (inspections: readonly HostInspection[]): string[] =>
  inspections.length === 0 ? [] : hostsTable(inspections);
