import { setTimeout as pause } from "node:timers/promises";

import type { BalancerArgs } from "../../config/balancer-args.ts";
import type { Known } from "../../config/mesh-config.ts";
import { Balancer } from "../behaviour/harness/balancer.ts";
import { bridgeAddress, docker, uniqueName } from "../behaviour/harness/docker.ts";
import { ForkedNode } from "../behaviour/harness/forked-node.ts";
import { load, served } from "../behaviour/harness/load.ts";
import { owning } from "../behaviour/harness/owned.ts";
import type { Answer } from "../behaviour/harness/toy-answers.ts";
import { ToyNode } from "../behaviour/harness/toy-node.ts";

const CLIENTS = 8;
const STREAM: Answer = { kind: "tokens", count: 10, everyMs: 20 };

/** A node killed under load, and started again. */
export interface KilledNode {
  requests: number;
  /** Clients that got no answer at all, and whose answer broke off. */
  beforeFirstByte: number;
  broken: number;
  /** Seconds from the kill to the last of them. */
  lastSeconds: number;
  /** Seconds from the restart to the first answer from it. */
  backSeconds: number | undefined;
}

/** Kills one of three nodes with SIGKILL under the load of eight clients, starts it again four seconds later. */
export const killedNode = (image: string, balancer: Known<BalancerArgs>): Promise<KilledNode> =>
  owning(async (own) => {
    const address = await bridgeAddress();
    const names = ["a", "b", "c"];
    const nodes: ForkedNode[] = [];
    for (const name of names)
      nodes.push(own(await ForkedNode.start({ name, address, answer: STREAM })));
    const front = own(
      await Balancer.start(image, { nodes: nodes.map(({ entry }) => entry), balancer }),
    );
    const traffic = load(`${front.bridgeUrl}/api/chat`, { clients: CLIENTS });
    await pause(2000);
    const killed = Date.now();
    await nodes[0]!.kill();
    await pause(4000);
    await nodes[0]!.restart();
    const restarted = Date.now();
    await pause(8000);
    traffic.stop();
    const all = await traffic.done;
    const failed = all.filter((one) => !served(one));
    const back = all
      .filter(({ node, from }) => node === "a" && from >= restarted)
      .map(({ from }) => from);
    return {
      requests: all.length,
      beforeFirstByte: failed.filter(({ status }) => status !== 200).length,
      broken: failed.filter(({ status }) => status === 200).length,
      lastSeconds: (Math.max(killed, ...failed.map(({ to }) => to)) - killed) / 1000,
      backSeconds: back.length === 0 ? undefined : (Math.min(...back) - restarted) / 1000,
    };
  });

/** A node without power: its packets are gone, its connections are not. */
export interface LostPower {
  /** Clients that waited for it for more than two seconds. */
  stuck: number;
  stuckSeconds: number;
  errors: number;
}

const nodeConf = (
  answer: string,
) => `events {} pid /tmp/pid; error_log stderr crit; http { postpone_output 0;
  client_body_temp_path /tmp/a; proxy_temp_path /tmp/b; fastcgi_temp_path /tmp/c; uwsgi_temp_path /tmp/d; scgi_temp_path /tmp/e;
  access_log off; server { listen 11434; location / { ${answer} } } }`;
const AT_ONCE = `return 200 '{"done":true}';`;
/** 40 s of stream, a piece each second. */
const SLOWLY = `limit_rate 100; return 200 '${"a stream.".padEnd(4000, ".")}';`;

/** A node in a container of its own, so that its network can be taken away. */
async function containerNode(
  image: string,
  answer: string,
): Promise<AsyncDisposable & { name: string; address: string }> {
  const name = uniqueName("node");
  const script = 'echo "$0" > /tmp/conf && exec nginx -e stderr -c /tmp/conf -g "daemon off;"';
  await docker(
    "run",
    "--detach",
    "--name",
    name,
    "--entrypoint",
    "sh",
    image,
    "-c",
    script,
    nodeConf(answer),
  );
  const format = "{{.NetworkSettings.IPAddress}}";
  const address = (await docker("inspect", name, "--format", format)).trim();
  return {
    name,
    address,
    [Symbol.asyncDispose]: () => docker("rm", "--force", name).then(() => undefined),
  };
}

/** Takes one of two nodes off the network while clients use kept connections to it. */
export const lostPower = (
  image: string,
  balancer: Known<BalancerArgs>,
  dockerArgs: string[],
  watchSeconds: number,
  { streams = false } = {},
): Promise<LostPower> =>
  owning(async (own) => {
    const lost = own(await containerNode(image, streams ? SLOWLY : AT_ONCE));
    const ok = own(
      await ToyNode.start({
        name: "ok",
        address: await bridgeAddress(),
        answer: streams ? { kind: "tokens", count: 40, everyMs: 100 } : { kind: "ok", silentMs: 5 },
      }),
    );
    const nodes = [ok.entry, { name: "lost", managed: false, address: lost.address }];
    const front = own(await Balancer.start(image, { nodes, balancer }, { docker: dockerArgs }));
    const traffic = load(`${front.bridgeUrl}/api/chat`, {
      clients: CLIENTS,
      patienceMs: watchSeconds * 1000,
    });
    await pause(1000);
    await docker("network", "disconnect", "--force", "bridge", lost.name);
    const gone = Date.now();
    await pause(watchSeconds * 1000);
    traffic.stop();
    const all = (await traffic.done).filter(({ to }) => to >= gone);
    // Since the power went; a whole stream of the other node takes 4 s.
    const waited = all.map(({ from, to }) => to - Math.max(from, gone));
    return {
      stuck: waited.filter((ms) => ms > (streams ? 10_000 : 3500)).length,
      stuckSeconds: Math.max(0, ...waited) / 1000,
      errors: all.filter((one) => !served(one)).length,
    };
  });
