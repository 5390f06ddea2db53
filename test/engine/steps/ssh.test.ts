// Getting to the hosts: what is trusted, what is refused, and how a refusal reads.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { afterAll, expect, onTestFinished, test } from "vitest";

import { containers } from "../support/containers.ts";
import type { Stack } from "../support/stack.ts";
import { lanOfFile, type TestLan } from "../../lan/support/lan.ts";

let stack: Stack;
const lan: () => TestLan = lanOfFile(3, async (made) => {
  stack = await made.stack({ nodes: [{ name: "other", managed: false, address: "192.0.2.1" }] });
});
afterAll(async () => stack?.[Symbol.asyncDispose]());

const BALANCER_PARTS = [
  ...["container balancer", "container balancer-nginx", "network network", "volume config"],
];
/** A balancer, on lan1 or as told, of a server that is not asked. */
const balancerAlone = (balancer: object = {}) =>
  lan().config({
    nodes: [{ name: "other", managed: false, address: "192.0.2.1", maintenance: true }],
    balancer,
  });

/** One node on each of two machines, the balancer on a third. */
const threeHosts = () =>
  lan().config({
    nodes: [
      { name: "a", ...lan().on(2) },
      { name: "b", ...lan().on(3) },
    ],
  });

test(
  "every problem of every host is in one message, before anything is made anywhere",
  { timeout: 120_000 },
  async () => {
    await stack.configure(threeHosts());
    const file = join(lan().lan.folder, "known_hosts");
    const known = await readFile(file, "utf8");
    await writeFile(file, known.split("\n").slice(1).join("\n")); // lan1 is unknown
    await lan().inside(2, "mv", "/home/ops/.ssh/authorized_keys", "/home/ops/.ssh/aside");
    await lan().docker(
      3,
      "run",
      "-d",
      "--name",
      "squatter",
      "-p",
      "11434:80",
      process.env["OLLAMA_MESH_NGINX_IMAGE"]!,
    );

    const ran = await stack.tryUp();
    await writeFile(file, known);
    await lan().inside(2, "mv", "/home/ops/.ssh/aside", "/home/ops/.ssh/authorized_keys");
    await lan().docker(3, "rm", "--force", "squatter");

    expect(ran.code).not.toBe(0);
    expect(ran.failed).toEqual([`${stack.mesh}-hosts`]);
    const message = ran.errors.join("\n");
    expect(message).toContain("3 of 3 hosts cannot take the change; nothing was touched anywhere");
    expect(message).toMatch(/^ +ssh:\/\/ops@lan1 .*not reached$/m);
    expect(message).toMatch(
      /^ +ssh:\/\/admin@lan3:2222 +28\..* x86_64 .* GiB .* none .* 1 problem$/m,
    );
    expect(message).toContain(
      "Docker engine ssh://ops@lan1: its ssh host key is not known; run  ssh ops@lan1  once, compare the fingerprint that it shows, and accept it",
    );
    expect(message).toContain("Docker engine ssh://ops@lan2: ssh refused the login");
    expect(message).toContain("docker says: ops@");
    expect(message).toContain("its port ");
    expect(message).toContain(
      ":11434 is in use by container squatter; stop it, or declare another port",
    );
    for (const n of [1, 2, 3]) expect(await lan().remains(n, stack.mesh)).toEqual([]);
  },
);

test(
  "a host key that changed is refused, with the way out for a machine set up anew",
  { timeout: 120_000 },
  async () => {
    await stack.configure(threeHosts());
    const file = join(lan().lan.folder, "known_hosts");
    const known = await readFile(file, "utf8");
    onTestFinished(() => writeFile(file, known));
    const [first, second] = known.split("\n");
    const strange = `${first!.split(" ")[0]} ${second!.split(" ").slice(1).join(" ")}`;
    await writeFile(file, known.replace(first!, strange));
    // A connection that was made before would be trusted still.
    const run = join(lan().lan.folder, "other");
    await mkdir(run, { mode: 0o700 });
    onTestFinished(() => void (stack.env["XDG_RUNTIME_DIR"] = join(lan().lan.folder, "run")));
    stack.env["XDG_RUNTIME_DIR"] = run;

    const ran = await stack.tryUp();
    expect(ran.errors.join("\n")).toContain("forget the old key (ssh-keygen -R 'lan1')");
    expect(ran.errors.join("\n")).toContain("1 of 3 hosts cannot take the change");
  },
);

test(
  "a mesh network in the place of the LAN is refused before its machine loses it",
  { timeout: 120_000 },
  async () => {
    const subnet = lan().host(1).address.replace(/\d+$/, "0/24");
    await stack.configure(balancerAlone({ subnet }));
    const ran = await stack.tryUp();
    expect(ran.errors.join("\n")).toContain(
      `Docker engine ssh://ops@lan1: the mesh's own network, ${subnet}, overlaps the network at its eth0 (`,
    );
    expect(await lan().remains(1, stack.mesh)).toEqual([]);
  },
);

test(
  "nodes that the balancer cannot reach are all named before the container of any is made",
  { timeout: 300_000 },
  async () => {
    const nowhere = lan().host(3).address.replace(/\d+$/, "99");
    await stack.configure(
      lan().config({
        nodes: [
          { name: "a", host: lan().host(2).endpoint },
          { name: "b", host: lan().host(3).endpoint, address: nowhere },
        ],
      }),
    );
    const ran = await stack.tryUp();
    expect(ran.failed).toEqual([`${stack.mesh}-balancer-reach`]);
    const message = ran.errors.join("\n");
    const from = "from the balancer's engine, ssh://ops@lan1,";
    expect(message).toContain(
      `node a: ${from} the name lan2 cannot be resolved; declare the IP address as the node's \`address\` (your ssh config has ${lan().host(2).address})`,
    );
    expect(message).toContain(`node b: ${from} ${nowhere} cannot be reached`);
    for (const n of [2, 3]) {
      expect(await lan().remains(n, stack.mesh)).toEqual(["volume models"]);
    }
  },
);

test(
  "no variable of the environment sends a host's containers elsewhere, or stops them",
  { timeout: 240_000 },
  async () => {
    await stack.configure(balancerAlone());
    Object.assign(stack.env, {
      DOCKER_HOST: "unix:///var/run/docker.sock",
      DOCKER_CONTEXT: "elsewhere",
      DOCKER_TLS_VERIFY: "1",
      DOCKER_API_VERSION: "1.12",
      DOCKER_SSH_OPTS: "-p 1",
      DOCKER_CA_MATERIAL: "nonsense",
      DOCKER_CERT_MATERIAL: "nonsense",
      DOCKER_KEY_MATERIAL: "nonsense",
    });
    await stack.up();
    expect(await containers(stack.mesh)).toEqual({});
    expect(await lan().remains(1, stack.mesh)).toEqual(BALANCER_PARTS);
    expect((await stack.preview()).changes).toEqual([]);
  },
);

test(
  "the balancer moves to another machine, and nothing of it stays on the old one",
  { timeout: 300_000 },
  async () => {
    await stack.configure(balancerAlone());
    await stack.up();
    await stack.configure(balancerAlone({ host: lan().host(2).endpoint }));
    await stack.up();
    expect(await lan().remains(1, stack.mesh)).toEqual([]);
    const kept = (parts: string[]) => parts.filter((part) => part !== "volume models");
    expect(kept(await lan().remains(2, stack.mesh))).toEqual(BALANCER_PARTS);
    await stack.destroy();
    expect(kept(await lan().remains(2, stack.mesh))).toEqual([]);
  },
);
