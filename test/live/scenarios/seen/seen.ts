// What goes wrong in a mesh, and the seconds until each way to hear of it says so: status page, command, alert, webhook.
import { builtImage } from "../../../../lab/images/docker-image.mjs";
import {
  ALERTMANAGER_IMAGE,
  PROMETHEUS_IMAGE,
} from "../../../../lab/images/prometheus/prometheus-image.mjs";
import { run } from "../../../../toolchain/command.mjs";
import { until } from "../../../../toolchain/until.mjs";
import { makeCertificate } from "../../../behaviour/harness/certificate.ts";
import { model, nginxImage, ollamaImage } from "../../../engine/support/lab.ts";
import { freePort } from "../../../engine/support/port.ts";
import type { StackConfig } from "../../../engine/support/stack.ts";
import { actingImage } from "../../derived-images.ts";
import { hostSignal } from "../../host-signal.ts";
import type { LiveMesh } from "../../live-mesh.ts";
import { LiveLoad } from "../../load/live-load.ts";
import { clients } from "../../load/clients.ts";
import { meshWith, node, type Scenario } from "../../scenario.ts";
import { Webhook } from "../../../page/webhook.ts";
import { openPage, problemsOf, waysOf, type Trouble, type Ways } from "./ways.ts";

const docker = (...args: string[]) => run("docker", args);

const DAY = 86_400_000;
/** Days before its end at which a certificate is said to end. */
const ENDS_DAYS = 21;
/** Scrapes, an alert's minute, its group's wait, and what a busy machine adds. */
const TOLD_SECONDS = 200;
/** The same of the alert that waits for five minutes. */
const REFUSED_SECONDS = 460;
/** A node that is back has a verdict within seconds, a frozen model is loaded anew. */
const WELL_SECONDS = 120;

/** Few enough clients for two nodes, so that nobody is refused while the third is away. */
const few = clients({ short: 2, whole: 1, long: 1 }).map((group) => ({
  ...group,
  deadlineSeconds: 20,
}));
/** Far more than all places take within the longest wait. */
const many = [
  {
    clients: 40,
    model: model() === "tiny" ? "slow" : model(),
    stream: true,
    tokens: 60,
    everySeconds: 1,
    deadlineSeconds: 120,
  },
];

/** Made when the mesh is. */
let webhook: Webhook | undefined;
let ports: { managementPort: number; prometheusPort: number };
let images: { ollama: string; monitoring: object };
let browser: Awaited<ReturnType<typeof openPage>>;

function configWith(tls: object): StackConfig {
  const { prometheusPort, managementPort } = ports;
  return meshWith(
    {
      image: images.ollama,
      balancer: {
        tls,
        management: { port: managementPort },
        queue: { longestWaitSeconds: 5 },
        // What restarts by itself is well before its alert fires.
        health: "verdict",
      },
      monitoring: { grafana: false, prometheusPort, webhook: webhook!.url, ...images.monitoring },
    },
    node("a", { cpus: 0.3 }),
    node("b", { cpus: 0.3 }),
    node("c", { ollama: { environment: { MESH_LIVE_ACTS: "wedges" } } }),
  );
}

const goodFor = (milliseconds: number) =>
  makeCertificate(nginxImage(), undefined, new Date(Date.now() + milliseconds));

const nodeTrouble = (name: string, state: string, says: RegExp): Trouble => ({
  of: `node ${name}`,
  says,
  alert: "OllamaMeshNodeNotWell",
  labels: { node: name, state },
});

export const seen: Scenario = {
  name: "seen",
  about:
    "a node is killed, frozen, wedged, the queue is full, a certificate near its end: when each way says so",
  async config() {
    ports = { managementPort: await freePort(), prometheusPort: await freePort() };
    images = {
      ollama: await actingImage(ollamaImage()),
      monitoring: {
        prometheusImage: await builtImage(PROMETHEUS_IMAGE),
        alertmanagerImage: await builtImage(ALERTMANAGER_IMAGE),
      },
    };
    webhook = await Webhook.start();
    return configWith(await goodFor(60 * DAY));
  },
  order: { groups: few },
  async run(live) {
    live.order.url = live.order.url.replace("http:", "https:");
    browser = await openPage(ports.managementPort);
    const ways = waysOf({ stack: live.stack, ...ports, webhook: webhook! }, browser?.page);
    const name = (short: string) => `${live.mesh}-${short}`;
    const node = (short: string) => `node ${short}`;
    const wedged = "/tmp/wedged";
    await noted(live, ways, {
      what: "a node is killed",
      trouble: nodeTrouble("a", "gone", /does not answer/),
      act: () => docker("kill", name("a")),
      mend: () => docker("start", name("a")),
      well: node("a"),
    });
    await noted(live, ways, {
      what: "a node is frozen",
      trouble: nodeTrouble("b", "gone", /does not answer/),
      act: () => hostSignal(name("b"), "STOP"),
      mend: () => hostSignal(name("b"), "CONT"),
      well: node("b"),
    });
    await noted(live, ways, {
      what: "a node is wedged: lists, and no token",
      trouble: nodeTrouble("c", "wedged", /gives no token/),
      // The real one would not do for long: Ollama replaces a runner that does not answer.
      act: () => docker("exec", name("c"), "touch", wedged),
      mend: () => docker("exec", name("c"), "rm", wedged),
      well: node("c"),
    });
    // It would take any number of requests at once.
    await docker("kill", name("c"));
    await until("two nodes", async () => (await problems()).includes(node("c")), {
      seconds: WELL_SECONDS,
    });
    let load: Promise<LiveLoad> | undefined;
    await noted(live, ways, {
      what: "the queue is full",
      trouble: {
        of: "requests",
        says: /refused with 503/,
        alert: "OllamaMeshRefusals",
        labels: { status: "503" },
      },
      act() {
        load = LiveLoad.start({ ...live.order, groups: many });
        load.catch(() => {});
        return Promise.resolve();
      },
      async mend() {
        await (await load)?.[Symbol.asyncDispose]();
        await docker("start", name("c"));
      },
      well: node("c"),
      seconds: REFUSED_SECONDS,
    });
    const left = 60_000;
    const end = Date.now() + ENDS_DAYS * DAY + left;
    await live.stack.configure(configWith(await goodFor(end - Date.now())));
    await live.stack.up();
    await noted(live, ways, {
      what: `a certificate's last ${ENDS_DAYS} days begin`,
      trouble: {
        of: "certificate",
        says: /ends in 20 days/,
        alert: "OllamaMeshCertificateEnds",
        labels: {},
      },
      act: () =>
        until(
          "the moment",
          // A certificate's end is a whole second.
          async () => Date.now() >= Math.floor(end / 1000) * 1000 - ENDS_DAYS * DAY,
          { seconds: left / 1000 },
        ),
    });
  },
  async after() {
    await browser?.browser.close();
    await webhook?.[Symbol.asyncDispose]();
  },
};

/** What the balancer tells of something wrong with. */
const problems = async () => (await problemsOf(ports.managementPort)).map(({ of }) => of);

interface Fault {
  what: string;
  trouble: Trouble;
  /** Makes the trouble. */
  act: () => Promise<unknown>;
  /** Ends it. */
  mend?: () => Promise<unknown>;
  /** What no problem must be of afterwards. */
  well?: string;
  /** In which all ways must say so. */
  seconds?: number;
}

/** Makes a trouble, and notes after how many seconds each way says so. */
async function noted(
  live: LiveMesh,
  ways: Ways,
  { what, trouble, act, mend, well, seconds = TOLD_SECONDS }: Fault,
): Promise<void> {
  const notes: string[] = [];
  const row = await live.trouble(what, async () => {
    await act();
    const began = Date.now();
    const said = await Promise.allSettled(
      Object.entries(ways).map(async ([way, says]) => {
        await until(`${way}: ${what}`, () => says(trouble), { seconds });
        return `${way} ${((Date.now() - began) / 1000).toFixed(1)} s`;
      }),
    );
    await mend?.();
    for (const one of said) {
      if (one.status === "fulfilled") notes.push(one.value);
      else notes.push(`not said: ${(one.reason as Error).message}`);
    }
  });
  row.notes.push(...notes);
  live.expect(row, !notes.some((note) => note.startsWith("not said")), notes.join("; "));
  if (!well) return;
  await until(`${well} is well`, async () => !(await problems()).includes(well), {
    seconds: WELL_SECONDS,
  });
}
