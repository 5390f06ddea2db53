// What it costs that nginx joins a container which keeps its ports: against the same nginx in one container. Two minutes.
// Usage: OLLAMA_MESH_NGINX_IMAGE=... node test/figures/front-cost.ts [rounds]
// Its figures stand in docs/measurements.md, "What the balancer costs".
import { SYSCTLS } from "../../components/containers/balancer-container.ts";
import { keepPortsCommand } from "../../steps/balancer/front/keep-ports.ts";
import { MIGRATE_SYSCTL } from "../../steps/balancer/front/migrates-queues.ts";
import {
  CONFIG_FILE,
  CONFIG_FOLDER,
  FRONT_PORT,
  NGINX_USER,
  OPEN_FILES,
} from "../../templates/nginx-layout.ts";
import { until } from "../../toolchain/until.mjs";
import { Balancer } from "../behaviour/harness/balancer.ts";
import { docker, uniqueName } from "../behaviour/harness/docker.ts";
import { load, type LoadOptions, served } from "../behaviour/harness/load.ts";
import { owning } from "../behaviour/harness/owned.ts";
import { streamingNodes } from "./streaming-nodes.ts";
import { cpuOf, quantile } from "./minimal-nginx.ts";

const image = process.env["OLLAMA_MESH_NGINX_IMAGE"];
if (!image) throw new Error("OLLAMA_MESH_NGINX_IMAGE is not set; npm test prepares the image");

const TOKENS = 20;
const EVERY_MS = 25;
const ROUNDS = Number(process.argv[2] ?? 15);
const ROUND_SECONDS = 3;

const LOAD: LoadOptions = { clients: 64, seconds: ROUND_SECONDS, spreadMs: TOKENS * EVERY_MS };

interface Figures {
  headerMs: number[];
  tokens: number;
  cpuNs: number;
}

/** What is measured: where clients ask, and the containers whose CPU time it takes. */
interface Arm {
  url: string;
  containers: readonly string[];
}

/** The config of a balancer, served by two containers as a mesh makes them; removed on disposal. */
class FrontAndNginx implements Arm, AsyncDisposable {
  url = "";
  readonly containers: readonly string[];

  private constructor(name: string) {
    this.containers = [name, `${name}-nginx`];
  }

  static async start(balancer: Balancer): Promise<FrontAndNginx> {
    const made = new FrontAndNginx(uniqueName("front"));
    const [front = "", nginx = ""] = made.containers;
    const format = `{{range .Mounts}}{{if eq .Destination "${CONFIG_FOLDER}"}}{{.Source}}{{end}}{{end}}`;
    const folder = (await docker("inspect", "--format", format, balancer.name)).trim();
    const common = [
      ...["run", "--detach", "--user", NGINX_USER, "--cap-drop", "ALL", "--read-only"],
      ...["--tmpfs", "/tmp:mode=1777", "--volume", `${folder}:${CONFIG_FOLDER}:ro`],
      ...["--ulimit", `nofile=${OPEN_FILES}:${OPEN_FILES}`],
    ];
    const sysctls = Object.entries({ ...SYSCTLS, [MIGRATE_SYSCTL]: "1" });
    await docker(
      ...[...common, "--name", front, "--publish", `127.0.0.1:0:${FRONT_PORT}`],
      ...sysctls.flatMap(([key, value]) => ["--sysctl", `${key}=${value}`]),
      ...[image!, ...keepPortsCommand(CONFIG_FILE, [FRONT_PORT])],
    );
    await docker(
      ...[...common, "--name", nginx, "--network", `container:${front}`],
      ...["--pid", `container:${front}`, image!],
      ...["nginx", "-e", "stderr", "-c", CONFIG_FILE, "-g", "daemon off;"],
    );
    const address = "{{.NetworkSettings.IPAddress}}";
    const ip = (await docker("inspect", "--format", address, front)).trim();
    made.url = `http://${ip}:${FRONT_PORT}`;
    const answers = async () => (await fetch(`${made.url}/healthz`)).ok;
    await until("nginx in the front answers", answers, { seconds: 20 });
    return made;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await docker("rm", "--force", "--volumes", ...this.containers.toReversed());
  }
}

async function cpuOfAll({ containers }: Arm): Promise<number> {
  const all = await Promise.all(containers.map((name) => cpuOf({ name })));
  return all.reduce((sum, each) => sum + each, 0);
}

await owning(async (own) => {
  const nodes = await streamingNodes(own, TOKENS, EVERY_MS);
  const config = { nodes: nodes.map(({ entry }) => entry) };
  const single = own(await Balancer.start(image, config));
  const one: Arm = { url: single.bridgeUrl, containers: [single.name] };
  const front = own(await FrontAndNginx.start(single));

  const round = async (arm: Arm): Promise<Figures> => {
    const before = await cpuOfAll(arm);
    const all = await load(`${arm.url}/api/chat`, LOAD).done;
    const cpuNs = (await cpuOfAll(arm)) - before;
    if (all.some((each) => !served(each))) throw new Error("a request failed");
    return { headerMs: all.map(({ headerMs }) => headerMs), tokens: all.length * TOKENS, cpuNs };
  };
  await round(one);
  await round(front);
  const rounds: [Figures, Figures][] = [];
  // In turn, the order turned each time: what disturbs the machine disturbs both alike.
  for (let index = 0; index < ROUNDS; index++) {
    if (index % 2) {
      const second = await round(front);
      rounds.push([await round(one), second]);
    } else {
      rounds.push([await round(one), await round(front)]);
    }
  }
  const figures: [string, (of: Figures) => number][] = [
    ["first token, median, ms", ({ headerMs }) => quantile(headerMs, 0.5)],
    ["first token, 99th percentile, ms", ({ headerMs }) => quantile(headerMs, 0.99)],
    ["CPU per token, us", ({ cpuNs, tokens }) => cpuNs / tokens / 1000],
  ];
  console.log(
    `64 streams of ${TOKENS} tokens, one each ${EVERY_MS} ms; medians of ${ROUNDS} rounds, ratios made within each:\n`,
  );
  console.log("| | one container | front and nginx | ratio | its middle half |");
  console.log("| --- | --- | --- | --- | --- |");
  for (const [name, of] of figures) {
    const ratios = rounds.map(([before, after]) => of(after) / of(before));
    const cells = [
      ...[0, 1].map((arm) =>
        quantile(
          rounds.map((each) => of(each[arm]!)),
          0.5,
        ),
      ),
      quantile(ratios, 0.5),
    ].map((value) => value.toFixed(2));
    const half = [0.25, 0.75].map((part) => quantile(ratios, part).toFixed(2)).join(" to ");
    console.log(`| ${name} | ${cells.join(" | ")} | ${half} |`);
  }
});
