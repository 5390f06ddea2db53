import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { until } from "../../toolchain/until.mjs";
import { freePort } from "../engine/support/port.ts";
import { ask } from "../behaviour/harness/client.ts";

const START_SECONDS = 60;

/** What a query gives. */
export interface Sample {
  metric: Record<string, string>;
  value: [number, string];
}

/** A real Prometheus that scrapes one balancer every second, and this machine's disks. */
export class Prometheus implements AsyncDisposable {
  readonly #processes: readonly ChildProcess[];
  readonly #folder: string;
  readonly #url: string;

  private constructor(processes: readonly ChildProcess[], folder: string, url: string) {
    this.#processes = processes;
    this.#folder = folder;
    this.#url = url;
  }

  /**
   * Starts it, and waits until it has scraped.
   *
   * @param bin folder with the programs
   * @param target address and port of the balancer's management listener
   * @param rules file with alerts
   */
  static async start(bin: string, target: string, rules: string): Promise<Prometheus> {
    const folder = await mkdtemp(join(tmpdir(), "ollama-mesh-prometheus-"));
    const config = join(folder, "prometheus.yml");
    const [port, exporterPort] = [await freePort(), await freePort()];
    const scrape = (job_name: string, at: string) => ({
      job_name,
      static_configs: [{ targets: [at] }],
    });
    const settings = {
      global: { scrape_interval: "1s", evaluation_interval: "1s" },
      rule_files: [rules],
      scrape_configs: [scrape("ollama-mesh", target), scrape("node", `127.0.0.1:${exporterPort}`)],
    };
    await writeFile(config, JSON.stringify(settings));
    const disks = spawn(
      join(bin, "prometheus-node-exporter"),
      [
        ...["--collector.disable-defaults", "--collector.filesystem"],
        `--web.listen-address=127.0.0.1:${exporterPort}`,
      ],
      { stdio: "ignore" },
    );
    const child = spawn(
      join(bin, "prometheus"),
      [
        `--config.file=${config}`,
        `--storage.tsdb.path=${join(folder, "data")}`,
        `--web.listen-address=127.0.0.1:${port}`,
      ],
      { stdio: "ignore" },
    );
    const prometheus = new Prometheus([child, disks], folder, `http://127.0.0.1:${port}`);
    try {
      await until(
        "a scrape",
        async () => (await prometheus.query("up == 1").catch(() => [])).length === 2,
        { seconds: START_SECONDS },
      );
      return prometheus;
    } catch (error) {
      await prometheus[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** What a query gives now. */
  async query(expression: string): Promise<Sample[]> {
    const { text } = await ask(`${this.#url}/api/v1/query?query=${encodeURIComponent(expression)}`);
    const answer = JSON.parse(text) as { error?: string; data: { result: Sample[] } };
    if (answer.error !== undefined) throw new Error(`${expression}: ${answer.error}`);
    return answer.data.result;
  }

  /** Names of the alerts that wait to fire, or fire. */
  async alerts(): Promise<string[]> {
    const { text } = await ask(`${this.#url}/api/v1/alerts`);
    const { data } = JSON.parse(text) as { data: { alerts: { labels: { alertname: string } }[] } };
    return [...new Set(data.alerts.map(({ labels }) => labels.alertname))].sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const each of this.#processes.filter(({ exitCode }) => exitCode === null)) {
      const ended = once(each, "exit");
      each.kill();
      await ended;
    }
    await rm(this.#folder, { recursive: true, force: true });
  }
}
