// A network of others whose name comes before the mesh's own: Docker would publish the balancer's ports there.
import { get } from "node:http";

import { afterAll, expect, test, vi } from "vitest";

import { run } from "../../../toolchain/command.mjs";
import { until } from "../../../toolchain/until.mjs";
import { figure } from "../../support/report/figure.ts";
import { story } from "../../support/report/story.ts";
import { atLab, model, nginxImage, ollamaImage } from "../support/lab.ts";
import { ownStackName } from "../support/leftovers.ts";
import { Stack } from "../support/stack.ts";

vi.setConfig({ testTimeout: 240_000 });
story();

const own = `a-${ownStackName()}`;
const network = `${own}-default`;
let stack: Stack | undefined;
const lab = () => stack!;
const config = (networks: string[]) => {
  const isIn = networks.length > 0;
  const node = isIn ? { address: own } : { address: "192.0.2.1", maintenance: true };
  return {
    nodes: [{ name: "own", managed: false, ...node }],
    balancer: {
      image: nginxImage(),
      access: { allow: ["127.0.0.1"] },
      ...(isIn ? { networks } : {}),
    },
  };
};
const answer = async () => {
  const response = await fetch(`${lab().url}/api/tags`);
  return { status: response.status, body: await response.text() };
};
/** One request on a connection of its own. */
const newConnection = () =>
  new Promise<void>((resolve, reject) => {
    get(`${lab().url}/healthz`, { agent: false }, (response) => {
      response.resume().on("end", resolve).on("error", reject);
    }).on("error", reject);
  });

atLab(async () => {
  await run("docker", ["network", "create", network]);
  await run("docker", ["run", "--detach", "--name", own, "--network", network, ollamaImage()]);
  stack = await Stack.init(config([]));
});
afterAll(async () => {
  await stack?.[Symbol.asyncDispose]();
  await run("docker", ["rm", "--force", "--volumes", own]).catch(() => undefined);
  await run("docker", ["network", "rm", network]).catch(() => undefined);
}, 60_000);

test("it is joined without a refused connection where Docker can, and the machine itself stays 127.0.0.1", async () => {
  await lab().up();
  expect(network < `${lab().mesh}-network`).toBe(true);
  const api = await run("docker", ["version", "--format", "{{.Server.APIVersion}}"]);
  const isOld = "1.48".localeCompare(api.trim(), "en", { numeric: true }) > 0;
  await lab().configure(config([network]));
  const warning = `balancer.networks  ${network} comes before the mesh's own network`;
  expect((await lab().preview()).output.includes(warning)).toBe(isOld);
  const failures: string[] = [];
  let joined = false;
  const asking = (async () => {
    while (!joined) {
      await newConnection().catch((error: Error) => failures.push(error.message));
    }
  })();
  await lab()
    .up()
    .finally(() => {
      joined = true;
    });
  await asking;
  figure("failed while it was joined", `${failures.length}, Docker's API ${api.trim()}`);
  // Docker before 28 moves the ports.
  const allowed = isOld ? /ECONNREFUSED|ECONNRESET|socket hang up/ : /^$/;
  expect(failures.filter((each) => !allowed.test(each))).toEqual([]);
  await until("its models", async () => (await answer()).body.includes(`${model()}:latest`), {
    seconds: 60,
  });
  const after = await lab().preview();
  expect(after.changes).toEqual([]);
  expect(after.output).not.toContain(warning);
});

test("so it is after a restart of the balancer's container", async () => {
  await run("docker", ["restart", `${lab().mesh}-balancer`]);
  await until("its models", async () => (await answer()).body.includes(`${model()}:latest`), {
    seconds: 60,
  });
  expect((await answer()).status).toBe(200);
});
