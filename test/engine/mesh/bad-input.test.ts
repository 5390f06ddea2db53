// What a mesh that serves does when it is given something that cannot work: it says what and what to
// do, with exit code not 0, and goes on as it was.
import { expect, test, vi } from "vitest";

import { run } from "../../../toolchain/command.mjs";
import { containers, serverLines } from "../support/containers.ts";
import { LAB_NODES, labConfig, model, ollamaImage, stackOfFile } from "../support/lab.ts";
import { chat } from "../support/load.ts";
import { heldPort } from "../support/port.ts";
import type { Ran } from "../support/pulumi.ts";
import { Stack, type StackConfig } from "../support/stack.ts";
import { ownSubnet } from "../support/subnet.ts";

vi.setConfig({ testTimeout: 120_000 });

const lab = stackOfFile(labConfig, { up: true });

/** The version of the config that nginx serves with. */
const served = (mesh: string) =>
  run("docker", ["exec", `${mesh}-balancer`, "readlink", "/etc/nginx/mesh/current"]);

/** An up that must fail and leave the mesh as it is. */
async function refused(config: StackConfig): Promise<Ran> {
  const { mesh, url } = lab();
  const look = async () => [await containers(mesh), await serverLines(mesh), await served(mesh)];
  const before = await look();
  await lab().configure(config);
  const ran = await lab().tryUp();
  expect(ran.code, ran.output).not.toBe(0);
  expect(await look()).toEqual(before);
  expect((await chat({ url, model: model(), tokens: 4 })).failure).toBeUndefined();
  return ran;
}

/** The one error of a step, without the line that names the command. */
function sentence({ errors, output }: Ran): string {
  expect(errors, output).toHaveLength(1);
  return errors[0]!.split("\n").slice(1).join("\n").trim();
}

test("ten mistakes are one error of ten lines, and nothing is touched", async () => {
  const ran = await refused(
    labConfig({
      nodes: [
        { name: "a", weight: 0, port: 70000 },
        { name: "b", gpuz: {} },
        { name: "a", memoryMib: 1 },
        { name: "balancer" },
        { name: "d", managed: false },
      ],
      models: ["no model"],
      balancer: { algorithm: "fair", listen: { address: "localhost" } },
      rollout: { maxUnavailable: 0 },
    }),
  );
  expect(ran.changes).toEqual([]);
  const errors = ran.errors.filter((error) => error.includes("ollama-mesh:"));
  expect(errors).toHaveLength(1);
  const [head, ...lines] = errors[0]!
    .trim()
    .replace(/^error: /, "")
    .split("\n");
  expect(head).toBe("ollama-mesh: 10 problems in the configuration");
  expect(lines.map((line) => line.trim().split(/\s+/)[0])).toEqual([
    "balancer.algorithm",
    "balancer.listen.address",
    "models[0]",
    "nodes[0].port",
    "nodes[0].weight",
    "nodes[1].gpuz",
    "nodes[2].memoryMib",
    "nodes[3].name",
    "nodes[4].address",
    "rollout.maxUnavailable",
  ]);
});

test("a socket without an engine is named, and a preview shows it in the table of hosts", async () => {
  const host = "unix:///nowhere/docker.sock";
  const text = `Docker engine ${host}: no engine answers there; install or start Docker (systemctl start docker), or correct \`host\``;
  const node = { name: "d", host, address: "192.0.2.4" };
  const config = labConfig({ nodes: [...LAB_NODES, node] });
  await lab().configure(config);
  const { output } = await lab().preview();
  expect(output).toContain("1 host is not reached: an up that changes something there is refused");
  expect(output).toMatch(/unix:\/\/\/nowhere\/docker.sock +- +- +- .* not reached/);
  expect(output).toContain(text);
  expect(sentence(await refused(config))).toContain(text);
});

test("at first contact a preview names the engine of the balancer that does not answer, and so does an up", async () => {
  const host = "unix:///nowhere/docker.sock";
  const nodes = [{ name: "a", host }];
  await using stack = await Stack.init(labConfig({ nodes, balancer: { host } }));
  const text = `Docker engine ${host}: no engine answers there;`;
  const { output } = await stack.preview();
  expect(output).toContain(text);
  expect(output).not.toContain("offline: true");
  const ran = await stack.tryUp();
  expect(sentence(ran)).toContain(text);
  expect(ran.output).not.toContain("any docker daemon");
});

test.each([
  ["DOCKER_CERT_PATH", "/nowhere", "unset DOCKER_CERT_PATH"],
  ["DOCKER_HOST", "garbage", "unset DOCKER_HOST"],
])(
  "%s in the environment, which the docker plugin hears, is refused by name",
  async (name, value, wayOut) => {
    await lab().configure(labConfig());
    lab().env[name] = value;
    const ran = await lab()
      .tryUp()
      .finally(() => delete lab().env[name]);
    expect(ran.code).not.toBe(0);
    expect(ran.errors).toHaveLength(1);
    expect(ran.errors[0]).toContain("ollama-mesh: 1 problem in the configuration");
    expect(ran.errors[0]).toContain(wayOut);
  },
);

test("a host whose name nobody knows is named", async () => {
  const host = "ssh://root@nowhere.invalid";
  const text = sentence(await refused(labConfig({ nodes: [...LAB_NODES, { name: "d", host }] })));
  expect(text).toContain(`Docker engine ${host}: the host name is not known; correct \`host\``);
});

test("a port that another program holds is named before the balancer is touched", async () => {
  await using held = await heldPort();
  const balancer = { listen: { port: held.port } };
  const text = sentence(await refused(labConfig({ balancer })));
  expect(text).toContain(
    `port 127.0.0.1:${held.port} of the host at unix:///var/run/docker.sock is`,
  );
  expect(text).toContain(
    "in use by another program (ss -ltnp shows which); stop it, or declare another port",
  );
});

test("an address that the host does not have is named", async () => {
  const balancer = { listen: { address: "192.0.2.1", port: lab().port } };
  const text = sentence(await refused(labConfig({ balancer })));
  expect(text).toContain(
    "address 192.0.2.1 is not one of the host at unix:///var/run/docker.sock; correct the address",
  );
});

test("a Docker network in the place of the mesh's is named", async () => {
  const name = `${lab().mesh}.other`;
  const subnet = ownSubnet();
  await run("docker", ["network", "create", "--subnet", subnet, name]);
  try {
    const text = sentence(await refused(labConfig({ balancer: { subnet } })));
    expect(text).toContain(`overlaps its Docker network ${name} (${subnet}); declare another one`);
  } finally {
    await run("docker", ["network", "rm", name]);
  }
});

test("a model that cannot be had is named, with the way out", async () => {
  const name = "localhost:9/nobody/nothing";
  const text = sentence(await refused(labConfig({ models: [model(), name] })));
  expect(text).toContain(
    `model ${name} could not be downloaded, because its registry cannot be reached from the host; mend the connection, or get the model on the machine that runs pulumi (ollama pull ${name}): it is copied from there`,
  );
});

test("too little space for models is told before a download", async () => {
  const config = { models: [model(), "some/other"], rollout: { minimumFreeGib: 1e9 } };
  const text = sentence(await refused(labConfig(config)));
  expect(text).toMatch(
    /^host unix:\/\/\/var\/run\/docker.sock has \d+\.\d GiB left for models, and rollout.minimumFreeGib asks for 1000000000; free some space there \(docker system df shows what takes it\), or lower it$/,
  );
});

test("an image that cannot be had is named, with the way out", async () => {
  const image = "localhost:9/nobody/nothing:1";
  const text = sentence(await refused(labConfig({ image })));
  expect(text).toContain(
    `image ${image} is not on the host and could not be pulled; correct the name, or load it there by docker load`,
  );
});

test("an image without nginx is refused before the balancer is touched", async () => {
  const image = ollamaImage();
  await refused(labConfig({ balancer: { image } }));
});

test("the config that was right is right again, and changes no container", async () => {
  const before = await containers(lab().mesh);
  await lab().configure(labConfig());
  await lab().up();
  expect(await containers(lab().mesh)).toEqual(before);
  expect((await lab().preview()).changes).toEqual([]);
});
