import { FILES_FOLDER } from "./layout.ts";
import { yaml } from "./prometheus-files.ts";

/** Holds the URL, which may have a token in it: Alertmanager shows its config to whoever asks. */
const URL_FILE = "webhook-url";

/**
 * Files of Alertmanager, by name.
 *
 * @param webhook the URL that is told of alerts; secret
 */
export const alertmanagerFiles = (webhook: string): Record<string, string> => ({
  "alertmanager.yml": yaml({
    route: {
      receiver: "webhook",
      group_by: ["alertname", "instance"],
      group_wait: "10s",
      // The next node of a group is told after so long, by default after five minutes.
      group_interval: "30s",
    },
    receivers: [
      { name: "webhook", webhook_configs: [{ url_file: `${FILES_FOLDER}/${URL_FILE}` }] },
    ],
  }),
  [URL_FILE]: webhook,
});
