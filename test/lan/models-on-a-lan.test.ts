// Five machines over real ssh, and a registry that counts: how models get to them.
import { rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";

import { builtImage } from "../../lab/images/docker-image.mjs";
import { HOST_IMAGE } from "../../lab/images/host/host-image.mjs";
import { lanDown, lanUp } from "../../lab/lan/machines.mjs";
import { canonicalModel } from "../../steps/models/model-store.ts";
import { models } from "../../steps/models/models.ts";
import { run } from "../../toolchain/command.mjs";
import { until } from "../../toolchain/until.mjs";
import { figure, inSeconds } from "../support/report/figure.ts";
import { lacking } from "../support/needs.ts";
import { ownStackName } from "../engine/support/leftovers.ts";
import { ToyRegistry } from "../engine/support/models/toy-registry.ts";

const why = lacking("OLLAMA_MESH_OLLAMA_IMAGE");
const HOSTS = 5;
const MIB = 1024 ** 2;

describe.skipIf(why)(`models on a LAN${why ? ` (${why})` : ""}`, { timeout: 400_000 }, () => {
  const name = `models-${ownStackName()}`;
  const folder = join(tmpdir(), name);
  const image = process.env["OLLAMA_MESH_OLLAMA_IMAGE"]!;
  const PATH = process.env["PATH"]!;
  let lan: Awaited<ReturnType<typeof lanUp>>;
  let registry: ToyRegistry;

  beforeAll(async () => {
    registry = await ToyRegistry.start(48 * MIB + 123);
    const host = await builtImage(HOST_IMAGE);
    lan = await lanUp({ name, folder, count: HOSTS, image: host, images: [image] });
    process.env["PATH"] = lan.env.PATH!; // steps find their ssh there
  }, 900_000);
  afterAll(async () => {
    process.env["PATH"] = PATH;
    await lanDown({ name, folder });
    await registry?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  }, 60_000);

  const places = (volume: string, { addresses = true } = {}) =>
    lan.hosts.map(({ endpoint, address }) => ({
      endpoint,
      image,
      volume,
      ...(addresses ? { address } : {}),
    }));
  const modelName = (model: string) =>
    `http://${lan.subnet.replace(/0\/24$/, "1")}:${registry.port}/library/${model}:latest`;
  /** The step of one host, as the component runs it. */
  const fetchTo = (n: number, volume: string, model: string, options = {}) =>
    models({
      endpoint: lan.hosts[n]!.endpoint,
      container: `${name}.models`,
      image,
      volume,
      models: [modelName(model)],
      minimumFreeGiB: 0,
      labels: ["ollama-mesh=test"],
      peers: places(volume, options).filter((_, i) => i !== n),
    });
  const engine = (n: number, ...args: string[]) =>
    run("docker", ["-H", lan.hosts[n]!.endpoint, ...args], { env: lan.env });
  const onHost = (n: number, ...args: string[]) =>
    run("docker", ["exec", lan.hosts[n]!.container, ...args]);
  /** What Ollama of a host lists, and whether the weights are what their digest says. */
  const stored = async (n: number, volume: string) => {
    const check = `cd /root/.ollama/models/blobs && echo "${registry.weights.slice(7)}  ${registry.weights}" | sha256sum -c`;
    const mounted = ["run", "--rm", "--volume", `${volume}:/root/.ollama`, "--entrypoint", "sh"];
    return (await engine(n, ...mounted, image, "-c", check)).trim();
  };
  const all = [0, 1, 2, 3, 4];

  test("five hosts at once: the registry is asked for each byte once, and every copy is whole", async () => {
    registry.sent = 0;
    await Promise.all(all.map((n) => fetchTo(n, "first", "m")));
    expect(registry.sent / registry.size).toBe(1);
    for (const n of all) expect(await stored(n, "first")).toBe(`${registry.weights}: OK`);
    // Ollama itself finds the model in each store: nothing is fetched again.
    await Promise.all(all.map((n) => fetchTo(n, "first", "m")));
    expect(registry.sent / registry.size).toBe(1);
  });

  test("nothing is left that runs or listens", async () => {
    for (const n of all) expect(await engine(n, "ps", "--all", "--quiet")).toBe("");
  });

  test("a host that joins later copies, also where it reaches no registry at all", async () => {
    registry.sent = 0;
    await fetchTo(0, "second", "m");
    expect(registry.sent / registry.size).toBe(1);
    await onHost(1, ...reject(registry.port));
    await fetchTo(1, "second", "m");
    expect(registry.sent / registry.size).toBe(1);
    expect(await stored(1, "second")).toBe(`${registry.weights}: OK`);
  });

  test("hosts without internet wait for one that has it, whoever begins", async () => {
    registry.sent = 0;
    await onHost(2, ...reject(registry.port));
    await Promise.all([1, 2, 3].map((n) => fetchTo(n, "third", "m")));
    expect(registry.sent / registry.size).toBe(1);
    for (const n of [1, 2, 3]) expect(await stored(n, "third")).toBe(`${registry.weights}: OK`);
  });

  test.each([
    ["and say so", "REJECT"],
    ["and say nothing", "DROP"],
  ])("where the hosts do not reach each other %s it goes through this machine", async (_, fate) => {
    const [from, to] = [3, 4];
    const volume = `fourth-${fate.toLowerCase()}`;
    await onHost(to, "iptables", "-I", "FORWARD", "-d", lan.hosts[from]!.address, "-j", fate);
    registry.sent = 0;
    await fetchTo(from, volume, "m");
    const began = Date.now();
    await fetchTo(to, volume, "m");
    figure("the second copy", inSeconds((Date.now() - began) / 1000));
    expect(registry.sent / registry.size).toBe(1);
    expect(await stored(to, volume)).toBe(`${registry.weights}: OK`);
  });

  test("a host that dies while another copies from it is asked again, and the copy goes on where it ended", async () => {
    const [from, to] = [0, 1];
    await fetchTo(from, "seventh", "m");
    registry.sent = 0;
    const rule = (what: string, ...words: string[]) =>
      onHost(to, "iptables", what, "FORWARD", "-s", lan.hosts[from]!.address, ...words);
    // As when a machine loses its power: 20 MiB pass, then not even an end.
    const dropped = ["-j", "DROP"];
    await rule("-I");
    await rule("-I", ...dropped);
    await rule("-I", "-m", "quota", "--quota", String(20 * MIB), "-j", "ACCEPT");
    const copying = fetchTo(to, "seventh", "m");
    const file = `/var/lib/docker/volumes/seventh/_data/models/lan/${registry.weights}`;
    const arrived = async () => Number(await onHost(to, "stat", "-c", "%s", file));
    await until("20 MiB", async () => (await arrived()) > 18 * MIB, { seconds: 60 });
    const ids = await engine(from, "ps", "--quiet", "--filter", `name=${name}.models.source`);
    await engine(from, "kill", ids.trim());
    const before = await arrived();
    await rule("-D", ...dropped);
    await copying;
    expect(await stored(to, "seventh")).toBe(`${registry.weights}: OK`);
    expect(registry.sent).toBe(0);
    const counted = await onHost(to, "iptables", "-L", "FORWARD", "-nvx");
    const [, bytes] = /^ *\d+ +(\d+) +(?:all|0) +-- /m.exec(counted) ?? [];
    figure("copied", `${before} bytes before it died, ${bytes} after`);
    expect(Number(bytes) / (registry.size - before)).toBeGreaterThan(1);
    expect(Number(bytes) / (registry.size - before)).toBeLessThan(1.1);
  });

  test("a host whose address is not known hands out its models through this machine", async () => {
    registry.sent = 0;
    await fetchTo(3, "fifth", "m", { addresses: false });
    await fetchTo(1, "fifth", "m", { addresses: false });
    expect(registry.sent / registry.size).toBe(1);
    expect(await stored(1, "fifth")).toBe(`${registry.weights}: OK`);
  });

  test("hosts without internet of which none has it: one gets it from the Ollama of this machine, the others from that", async () => {
    vi.stubEnv("OLLAMA_MODELS", join(folder, "own"));
    await registry.keepIn(join(folder, "own"), canonicalModel(modelName("m")));
    const said = vi.spyOn(process.stderr, "write");
    for (const n of [1, 2]) await onHost(n, ...reject(registry.port));
    registry.sent = 0;
    await Promise.all([1, 2].map((n) => fetchTo(n, "airgapped", "m")));
    expect(registry.sent).toBe(0);
    for (const n of [1, 2]) expect(await stored(n, "airgapped")).toBe(`${registry.weights}: OK`);
    const copies = said.mock.calls
      .map(([text]) => String(text))
      .filter((text) => /copying from/.test(text));
    const within = copies.filter((text) => text.includes("of this machine"));
    expect([copies.length, within.length]).toEqual([2, 1]);
  });

  test("what is not what its digest says is thrown away, and never given to Ollama", async () => {
    registry.sent = 0;
    await fetchTo(0, "sixth", "m");
    const part = `/root/.ollama/models/lan/${registry.weights}`;
    const write = (n: number, script: string) =>
      engine(
        n,
        ...["run", "--rm", "--volume", "sixth:/root/.ollama", "--entrypoint", "sh", image, "-c"],
        `mkdir -p "$(dirname ${part})" && ${script}`,
      );
    await write(3, `head -c 30000000 /dev/zero > ${part}`);
    await fetchTo(3, "sixth", "m");
    // Thrown away, and then copied anew.
    expect(await stored(3, "sixth")).toBe(`${registry.weights}: OK`);
    expect(registry.sent / registry.size).toBe(1);
  });
});

/** Takes the way to a registry from a machine's containers. */
const reject = (port: number) => [
  ...["iptables", "-I", "FORWARD", "-p", "tcp", "--dport", String(port), "-j", "REJECT"],
];
