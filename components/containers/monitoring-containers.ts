import type { MonitoringPlan, Watcher } from "../../plan/monitoring-plan.ts";
import type { Watching } from "../../plan/addresses.ts";
import {
  ALERTMANAGER_PORT,
  FILES_FOLDER,
  GRAFANA_PORT,
  PASSWORD_FILE,
  PROMETHEUS_PORT,
} from "../../templates/monitoring/layout.ts";
import { hardenedContainer } from "./hardened-container.ts";

/** Users of the official images, by number. */
export const USERS = { prometheus: "65534:65534", grafana: "472:0", alertmanager: "65534:65534" };

/** Prometheus writes what it holds in memory before it ends. */
const STOP_SECONDS = 30;

/** Prometheus has 100 MiB with ten nodes, and some 400 with fifty and twenty keys; queries come on top. */
const MEMORY_MIB = { prometheus: 1024, grafana: 512, alertmanager: 128 } as const;

/**
 * What the docker provider is told of Prometheus, but for its network. Pure.
 *
 * @param files name of the volume with its files
 */
export const prometheusContainerArgs = (
  mesh: string,
  { prometheus, address, urls }: MonitoringPlan,
  files: string,
) => ({
  ...watcherArgs(mesh, "prometheus", prometheus, files, "/prometheus"),
  command: [
    `--config.file=${FILES_FOLDER}/prometheus.yml`,
    "--storage.tsdb.path=/prometheus",
    `--storage.tsdb.retention.time=${prometheus.retentionDays}d`,
    // A unit of 1024s, whatever it is called.
    `--storage.tsdb.retention.size=${prometheus.retentionGib}GB`,
    `--web.external-url=${urls.prometheus}`,
  ],
  healthcheck: health(["promtool", "check", "healthy", `--url=${at(PROMETHEUS_PORT)}`]),
  ports: [{ ip: address, external: prometheus.port, internal: PROMETHEUS_PORT }],
});

/**
 * The same of Grafana, which asks nobody on the internet.
 *
 * @throws RangeError where none is planned: a mistake of ours
 */
export function grafanaContainerArgs(mesh: string, plan: MonitoringPlan, files: string) {
  const { grafana, address, urls } = plan;
  if (!grafana) throw new RangeError("there is no Grafana in this plan");
  return {
    ...watcherArgs(mesh, "grafana", grafana, files, "/var/lib/grafana"),
    envs: [
      "GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES=false",
      "GF_ANALYTICS_CHECK_FOR_UPDATES=false",
      "GF_ANALYTICS_REPORTING_ENABLED=false",
      `GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH=${FILES_FOLDER}/dashboards/ollama-mesh.json`,
      "GF_NEWS_NEWS_FEED_ENABLED=false",
      `GF_PATHS_PROVISIONING=${FILES_FOLDER}/provisioning`,
      "GF_PLUGINS_PREINSTALL_DISABLED=true",
      // Read by the image's own script: docker inspect shows the file's name.
      `GF_SECURITY_ADMIN_PASSWORD__FILE=${FILES_FOLDER}/${PASSWORD_FILE}`,
      "GF_SECURITY_DISABLE_GRAVATAR=true",
      `GF_SERVER_ROOT_URL=${urls.grafana}`,
    ],
    healthcheck: health(["wget", "-q", "-O", "/dev/null", `${at(GRAFANA_PORT)}/api/health`]),
    ports: [{ ip: address, external: grafana.port, internal: GRAFANA_PORT }],
  };
}

/**
 * The same of Alertmanager. Nobody but Prometheus reaches it, and it keeps nothing: Prometheus tells it of each alert
 * again and again.
 *
 * @throws RangeError where none is planned: a mistake of ours
 */
export function alertmanagerContainerArgs(
  mesh: string,
  { alertmanager }: MonitoringPlan,
  files: string,
) {
  if (!alertmanager) throw new RangeError("there is no Alertmanager in this plan");
  return {
    ...watcherArgs(mesh, "alertmanager", alertmanager, files),
    command: [
      `--config.file=${FILES_FOLDER}/alertmanager.yml`,
      "--storage.path=/tmp/alertmanager",
      "--cluster.listen-address=",
    ],
    healthcheck: health(["wget", "-q", "-O", "/dev/null", `${at(ALERTMANAGER_PORT)}/-/healthy`]),
  };
}

const at = (port: number) => `http://127.0.0.1:${port}`;

/** @param kept where it writes what is to stay; absent for nowhere */
function watcherArgs(
  mesh: string,
  program: Watching,
  { container, image, volume }: Watcher,
  files: string,
  kept?: string,
) {
  const memory = MEMORY_MIB[program];
  return {
    // Not the balancer's label: its steps would take it for an nginx.
    ...hardenedContainer(mesh, `monitoring.${program}`, STOP_SECONDS),
    name: container,
    image,
    user: USERS[program],
    readOnly: true,
    memory,
    memorySwap: memory,
    volumes: [
      { volumeName: files, containerPath: FILES_FOLDER, readOnly: true },
      ...(kept === undefined ? [] : [{ volumeName: volume, containerPath: kept }]),
    ],
  };
}

const health = (command: string[]) => ({
  tests: ["CMD", ...command],
  interval: "5s",
  timeout: "3s",
  retries: 3,
  // Grafana prepares its database at first. As Docker writes it, or each up would replace the container.
  startPeriod: "1m0s",
});
