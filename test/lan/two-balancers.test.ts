// Two balancers on machines that have one address together: nodes are changed behind both, and each of the machines
// may fail, be changed or be switched off.
import { beforeAll, expect, test } from "vitest";

import { KEEPALIVED_IMAGE } from "../../lab/images/keepalived/keepalived-image.mjs";
import { referenceOf } from "../../lab/images/docker-image.mjs";
import { until } from "../../toolchain/until.mjs";
import { openConnections, type Connections } from "../engine/support/connections.ts";
import { labConfig, model } from "../engine/support/lab.ts";
import { chat, failures, startLoad } from "../engine/support/load.ts";
import { figure, inSeconds } from "../support/report/figure.ts";
import { story } from "../support/report/story.ts";
import { lanStackOfFile } from "./support/lan.ts";

story();

const { lan, stack } = lanStackOfFile(2, [KEEPALIVED_IMAGE]);

/** Free in the LAN: its machines begin at 11. */
const shared = () => lan().lan.subnet.replace(/0\/24$/, "200");
const urlOf = (address: string) => `http://${address}:11434`;
const own = (n: number) => urlOf(lan().host(n).address);
const vip = () => urlOf(shared());

/** Nodes on the machines of the balancers. */
const NODES = [
  ["a", 1, 11_435],
  ["b", 2, 11_435],
  ["c", 1, 11_436],
] as const;

interface Wish {
  roll?: string;
  off?: number | undefined;
  without?: string;
  balancer?: object;
}

let declared: Wish = {};

/** Declares what is given beside what was declared before. */
const configure = (wish: Wish = {}) => {
  declared = { ...declared, ...wish };
  const { roll = "1", off, without, balancer } = declared;
  return stack().configure(
    labConfig({
      nodes: NODES.filter(([name]) => name !== without).map(([name, n, port]) => ({
        name,
        ...lan().on(n, port),
        access: "balancerOnly",
        ...(n === off ? { offline: true } : {}),
      })),
      balancer: {
        hosts: [1, 2].map((n) => ({ ...lan().on(n), ...(n === off ? { offline: true } : {}) })),
        virtualAddress: `${shared()}/24`,
        keepalivedImage: referenceOf(KEEPALIVED_IMAGE),
        listen: { address: "0.0.0.0", port: 11434 },
        ...balancer,
      },
      ollama: { environment: { ROLL: roll } },
    }),
  );
};

/** Which of the machines have the address. */
async function holders(): Promise<number[]> {
  const seen = await Promise.all(
    [1, 2].map(async (n) => {
      const said = await lan()
        .inside(n, "ip", "-o", "-4", "addr", "show", "to", shared())
        .catch(() => "");
      return said === "" ? [] : [n];
    }),
  );
  return seen.flat();
}

/** What clients of the shared address saw while something was done. */
async function meanwhile(work: () => Promise<unknown>): Promise<Connections> {
  const clients = openConnections(`${vip()}/healthz`, { perSecond: 50 });
  try {
    await work();
  } finally {
    await clients.stop();
  }
  return clients.stop();
}

const IN_TIME = { seconds: 20 };
const hasAddress = (n: number) => async () => (await holders()).includes(n) || undefined;
const isAnswering = async () => (await fetch(`${vip()}/healthz`)).ok || undefined;

const switchedOn = async (n: number) => {
  await lan().power(n, "start");
  await until(`engine of lan${n}`, () => lan().docker(n, "version"), { seconds: 60 });
};

beforeAll(async () => {
  if (!stack()) return;
  await configure();
  await stack().up();
}, 600_000);

test("both serve every node, at their own addresses and at the one of the two", async () => {
  const outcomes = await Promise.all(
    [own(1), own(2), vip()].flatMap((url) =>
      Array.from({ length: 4 }, () => chat({ url, model: model() })),
    ),
  );
  expect(failures(outcomes)).toEqual([]);
  expect(await lan().serving(stack().mesh, 1)).toEqual(["a", "b", "c"]);
  expect(await lan().serving(stack().mesh, 2)).toEqual(["a", "b", "c"]);
  expect(await holders()).toEqual([1]);
  expect(await stack().outputs()).toMatchObject({ endpoint: vip(), endpoints: [own(1), own(2)] });
});

test("a no-op is none, with and without a refresh", async () => {
  expect((await stack().preview()).changes).toEqual([]);
  const refreshed = await stack().tryUp("--refresh");
  expect(refreshed.code, refreshed.output).toBe(0);
  expect(refreshed.changes).toEqual([]);
});

test("every node is replaced while clients ask at both, and none of them notices", async () => {
  await configure({ roll: "2" });
  const loads = [own(1), own(2), vip()].map((url) =>
    startLoad({ url, model: model(), atATime: 2, perSecond: 10 }),
  );
  const ran = await stack().tryUp();
  loads.forEach((load) => load.stop());
  const outcomes = (await Promise.all(loads.map((load) => load.done))).flat();
  figure("up of three nodes", `${inSeconds(ran.seconds)} with ${outcomes.length} requests`);
  expect(ran.code, ran.output).toBe(0);
  expect(outcomes.length).toBeGreaterThan(50);
  expect(failures(outcomes)).toEqual([]);
});

test("a planned change of both machines' ports refuses nobody at the shared address", async () => {
  await configure({ balancer: { management: { port: 11_500 } } });
  const seen = await meanwhile(() => stack().up());
  figure("slowest", `${inSeconds(seen.slowest)} of ${seen.answered} requests`);
  expect(seen.failures).toEqual({});
  expect(seen.answered).toBeGreaterThan(100);
  expect(seen.slowest).toBeLessThan(2);
});

test("the machine with the address loses its power: new requests wait two seconds at most", async () => {
  const [holder] = await holders();
  const other = 3 - holder!;
  const seen = await meanwhile(async () => {
    await lan().power(holder!, "kill");
    await until("the other machine has the address", hasAddress(other), IN_TIME);
    await until("it answers", isAnswering, IN_TIME);
  });
  figure("slowest", inSeconds(seen.slowest));
  figure("failed", `${JSON.stringify(seen.failures)} in ${inSeconds(seen.failedFor)}`);
  await switchedOn(holder!);
  expect(seen.failedFor).toBeLessThan(2);
  expect(seen.slowest).toBeLessThan(2);
});

/** Drops every packet from and to the LAN at once, those of VRRP and ARP among them; its link is up, as behind a dead switch. */
const packets = (n: number, how: "dropped" | "passed") => {
  const [rule, arp] = how === "dropped" ? ["-I", "off"] : ["-D", "on"];
  const commands = [
    `iptables -w -t mangle ${rule} POSTROUTING -o eth0 -j DROP`,
    `iptables -w -t raw ${rule} PREROUTING -i eth0 -j DROP`,
    // No rule is asked about ARP.
    `ip link set eth0 arp ${arp}`,
  ];
  return lan().inside(n, "sh", "-ec", commands.join("\n"));
};

/** Front first: nginx joins what runs. */
const balancerOn = async (n: number) => {
  const all = await lan().docker(n, "ps", "-a", "--format", "{{.Names}}");
  const own = new RegExp(`^${stack().mesh}-balancer(-nginx-.*)?$`);
  return all
    .split("\n")
    .filter((name) => own.test(name))
    .toSorted();
};

/** What may happen to a machine, and how it is mended. */
const TROUBLES: Record<string, [happens: (n: number) => unknown, mend: (n: number) => unknown]> = {
  "'s network is cut": [(n) => packets(n, "dropped"), (n) => packets(n, "passed")],
  "'s link is down": [
    (n) => lan().inside(n, "ip", "link", "set", "eth0", "down"),
    (n) => lan().inside(n, "ip", "link", "set", "eth0", "up"),
  ],
  " loses nginx and its front": [
    async (n) => lan().docker(n, "kill", ...(await balancerOn(n)).toReversed()),
    async (n) => {
      for (const name of await balancerOn(n)) await lan().docker(n, "start", name);
    },
  ],
};

test.each(Object.keys(TROUBLES))(
  "the machine with the address%s: new requests wait two seconds at most",
  async (what) => {
    const [happens, mend] = TROUBLES[what]!;
    const [holder] = await holders();
    const other = 3 - holder!;
    const seen = await meanwhile(async () => {
      await happens(holder!);
      await until("the other machine has the address", hasAddress(other), IN_TIME);
      await until("it answers", isAnswering, IN_TIME);
    });
    figure("slowest", inSeconds(seen.slowest));
    figure("failed", `${JSON.stringify(seen.failures)} in ${inSeconds(seen.failedFor)}`);
    await mend(holder!);
    const alone = async () => (await holders()).length === 1 || undefined;
    await until("one machine has the address", alone, IN_TIME);
    const answers = async () => (await fetch(`${own(holder!)}/healthz`)).ok || undefined;
    await until("the machine serves again", answers, IN_TIME);
    expect(seen.failedFor).toBeLessThan(2);
    expect(seen.slowest).toBeLessThan(2);
  },
);

test("while a machine is off the rest is changed; back on, its balancer has what is declared by then", async () => {
  await lan().power(2, "kill");
  await configure({ off: 2 });
  const first = await stack().tryUp();
  expect(first.code, first.output).toBe(0);
  await configure({ roll: "3" });
  const ran = await stack().tryUp();
  expect(ran.code, ran.output).toBe(0);
  await configure({ without: "c" });
  const second = await stack().tryUp();
  expect(second.code, second.output).toBe(0);
  expect(await lan().serving(stack().mesh, 1)).toEqual(["a"]);
  await switchedOn(2);
  expect(await lan().serving(stack().mesh, 2)).toEqual(["a", "b", "c"]);
  await configure({ off: undefined });
  await stack().up();
  expect(await lan().serving(stack().mesh, 1)).toEqual(["a", "b"]);
  expect(await lan().serving(stack().mesh, 2)).toEqual(["a", "b"]);
  const outcomes = await Promise.all([own(1), own(2)].map((url) => chat({ url, model: model() })));
  expect(failures(outcomes)).toEqual([]);
});
