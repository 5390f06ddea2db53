import type { MonitoringPlan } from "../../plan/monitoring-plan.ts";
import { FILES_FOLDER, PASSWORD_FILE, PROMETHEUS_PORT } from "./layout.ts";
import { given, yaml } from "./prometheus-files.ts";

/** Folder of the dashboards. */
const DASHBOARDS = "dashboards";

/**
 * Files of Grafana, by path: data source and dashboard, and the password of its first user.
 *
 * @param password that of "admin" when Grafana starts for the first time; secret
 */
export function grafanaFiles(
  { prometheus }: MonitoringPlan,
  password: string,
): Record<string, string> {
  return {
    "provisioning/datasources/ollama-mesh.yml": yaml({
      apiVersion: 1,
      datasources: [
        {
          name: "ollama-mesh",
          uid: "ollama-mesh",
          type: "prometheus",
          access: "proxy",
          url: `http://${prometheus.address}:${PROMETHEUS_PORT}`,
          isDefault: true,
        },
      ],
    }),
    "provisioning/dashboards/ollama-mesh.yml": yaml({
      apiVersion: 1,
      providers: [
        { name: "ollama-mesh", type: "file", options: { path: `${FILES_FOLDER}/${DASHBOARDS}` } },
      ],
    }),
    [`${DASHBOARDS}/ollama-mesh.json`]: given("dashboard.json"),
    [PASSWORD_FILE]: password,
  };
}
