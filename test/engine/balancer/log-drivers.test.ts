// balancer.log.driver on the real engine: the lines of requests arrive where each driver takes them.
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { afterAll, beforeAll, expect, test, vi } from "vitest";

import { builtImage } from "../../../lab/images/docker-image.mjs";
import { SERVERS_IMAGE } from "../../../lab/images/servers/servers-image.mjs";
import { run } from "../../../toolchain/command.mjs";
import { until } from "../../../toolchain/until.mjs";
import { lacking } from "../../support/needs.ts";
import { story } from "../../support/report/story.ts";
import { nginxImage, stackOfFile } from "../support/lab.ts";

vi.setConfig({ testTimeout: 240_000 });

story();

/** nginx writes its lines once a second; drivers send them at once. */
const ARRIVES = { seconds: 30 };

let servers = "";
beforeAll(async () => {
  if (!lacking("OLLAMA_MESH_NGINX_IMAGE")) servers = await builtImage(SERVERS_IMAGE);
}, 300_000);

const config = (log?: object) => ({
  nodes: [{ name: "a", image: servers, service: { port: 8000, environment: { SERVER_ID: "a" } } }],
  balancer: {
    image: nginxImage(),
    routes: { set: "none", paths: [{ path: "/predict", methods: ["POST"] }] },
    ...(log ? { log } : {}),
  },
});
const lab = stackOfFile(() => config(), { up: false });

/** Something that takes logs, and what it was told. */
interface Taker {
  port: number;
  told: () => string;
  close: () => void;
}
const open: Taker[] = [];
afterAll(() => open.forEach(({ close }) => close()));

async function byUdp(): Promise<Taker> {
  const socket = createSocket("udp4");
  let text = "";
  socket.on("message", (message) => (text += `${message.toString("latin1")}\n`));
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  const taker = { port: socket.address().port, told: () => text, close: () => void socket.close() };
  open.push(taker);
  return taker;
}

async function byTcp(): Promise<Taker> {
  let text = "";
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => {}).on("data", (data) => (text += data.toString("latin1")));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const close = () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  const taker = { port, told: () => text, close };
  open.push(taker);
  return taker;
}

/** Asks once, and gives the id that its line has. */
async function asked(): Promise<string> {
  const id = `of-a-log-${Math.random().toString(36).slice(2)}`;
  const { status } = await fetch(`${lab().url}/predict`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-request-id": id },
    body: JSON.stringify({ x: 1 }),
  });
  expect(status).toBe(200);
  return id;
}

const dockerLogs = () => run("docker", ["logs", `${lab().mesh}-balancer`]);
const logConfig = async () =>
  JSON.parse(
    await run("docker", [
      ...[
        "container",
        "inspect",
        `${lab().mesh}-balancer`,
        "--format",
        "{{json .HostConfig.LogConfig}}",
      ],
    ]),
  ) as object;

/** A request's line, whole: who asked for what, and how it went. */
const line = (id: string) =>
  new RegExp(`"path":"/predict",.*"status":"200",.*"request_id":"${id}"`);

test.each([
  ["json-file", { "max-size": "1m", "max-file": "2", tag: "mesh" }],
  ["local", { "max-size": "1m" }],
])("%s: docker logs has the line", async (driver, options) => {
  await lab().configure(config({ driver, options }));
  await lab().up();
  expect(await logConfig()).toEqual({ Type: driver, Config: options });
  const id = await asked();
  await until("the line", async () => line(id).test(await dockerLogs()), ARRIVES);
});

test.each([
  [
    "syslog",
    byUdp,
    (port: number) => ({ "syslog-address": `udp://127.0.0.1:${port}`, tag: "mesh" }),
  ],
  [
    "gelf",
    byUdp,
    (port: number) => ({
      "gelf-address": `udp://127.0.0.1:${port}`,
      "gelf-compression-type": "none",
      tag: "mesh",
    }),
  ],
  [
    "fluentd",
    byTcp,
    (port: number) => ({
      "fluentd-address": `127.0.0.1:${port}`,
      "fluentd-async": "true",
      tag: "mesh",
    }),
  ],
] as const)(
  "%s: the line arrives there with the tag, and docker logs has it too",
  async (driver, listen, options) => {
    const taker = await listen();
    await lab().configure(config({ driver, options: options(taker.port) }));
    await lab().up();
    const id = await asked();
    // gelf has it as a text in JSON.
    await until(
      `the line at ${driver}`,
      () => Promise.resolve(line(id).test(taker.told().replaceAll('\\"', '"'))),
      ARRIVES,
    );
    expect(taker.told()).toContain("mesh");
    await until("the line in docker logs", async () => line(id).test(await dockerLogs()), ARRIVES);
    expect((await lab().up()).changes).toEqual([]);
  },
);
