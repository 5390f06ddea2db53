import { readFileSync } from "node:fs";
import { hostPort } from "../../config/net/host-port.ts";
import type { MonitoringPlan, ScrapeTarget } from "../../plan/monitoring-plan.ts";
import { ALERTMANAGER_PORT } from "./layout.ts";
import { VERDICT_PORT } from "../nginx-layout.ts";

/** As docs/monitoring/scrape.yml has it; the alerts look back over it. */
const SCRAPE_SECONDS = 10;

/** What docs/monitoring gives to people with a Prometheus of their own, too. */
export const given = (name: string): string =>
  readFileSync(new URL(`../../docs/monitoring/${name}`, import.meta.url), "utf8");

/** Files of Prometheus, by name: what it scrapes, and the alerts. */
export function prometheusFiles({ targets, alertmanager }: MonitoringPlan): Record<string, string> {
  return {
    "prometheus.yml": yaml({
      global: {
        scrape_interval: `${SCRAPE_SECONDS}s`,
        evaluation_interval: `${SCRAPE_SECONDS}s`,
      },
      rule_files: ["alerts.yml"],
      scrape_configs: [{ job_name: "ollama-mesh", static_configs: targets.map(scraped) }],
      ...(alertmanager
        ? {
            alerting: {
              alertmanagers: [
                { static_configs: [{ targets: [`${alertmanager.address}:${ALERTMANAGER_PORT}`] }] },
              ],
            },
          }
        : {}),
    }),
    "alerts.yml": given("alerts.yml"),
  };
}

/** In panels and alerts a balancer has a name instead of an address. */
const scraped = ({ instance, address, port = VERDICT_PORT }: ScrapeTarget) => ({
  targets: [hostPort(address, port)],
  labels: { instance },
});

/** JSON is YAML. */
export const yaml = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;
