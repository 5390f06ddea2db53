// Under Pulumi's mocks: the two containers of a balancer.
import { beforeAll, describe, expect, test } from "vitest";

import { keepPortsCommand } from "../../../../steps/balancer/front/keep-ports.ts";
import { one, record, type Registered } from "../../../support/mocks.ts";
import {
  build,
  COMMAND,
  CONTAINER,
  meshLabel,
  THREE_NODES,
} from "../../../support/recorded-mesh.ts";
import { MESH_NETWORK } from "../../../support/mesh-network.ts";
import { OllamaMesh } from "../../../../components/index.ts";

const NGINX = [
  ...["nginx", "-e", "stderr", "-c", "/etc/nginx/mesh/current/nginx.conf", "-g", "daemon off;"],
];
const HARDENED = {
  image: "nginx:1.30.6",
  user: "101:101",
  volumes: [{ volumeName: "lab-config", containerPath: "/etc/nginx/mesh", readOnly: true }],
  tmpfs: { "/tmp": "mode=1777" },
  readOnly: true,
  capabilities: { drops: ["ALL"] },
  securityOpts: ["no-new-privileges:true"],
  memory: 3072,
  memorySwap: 3072,
  ulimits: [{ name: "nofile", soft: 18_432, hard: 18_432 }],
  labels: [meshLabel, { label: "ollama-mesh.node", value: "balancer" }],
  logDriver: "json-file",
  logOpts: { "max-file": "3", "max-size": "10m" },
  restart: "unless-stopped",
  stopSignal: "SIGQUIT",
  stopTimeout: 5,
};
const healthcheck = (...how: string[]) => ({
  tests: ["CMD", "curl", "-fsS", "-o", "/dev/null", ...how],
  interval: "10s",
  timeout: "3s",
  retries: 3,
  startPeriod: "5s",
});
const URL = "http://127.0.0.1:8081/config-hash";

describe("a balancer", () => {
  let resources: Registered[];
  beforeAll(async () => {
    ({ resources } = await build(THREE_NODES));
  });

  test("is a container with its name, ports and sysctls, hardened, at first in no network", () => {
    expect(one(resources, CONTAINER, "lab-balancer").inputs).toEqual({
      ...HARDENED,
      name: "lab-balancer",
      hostname: "docker:index",
      command: keepPortsCommand("/etc/nginx/mesh/current/nginx.conf", [8080]),
      networkMode: "none",
      ports: [{ ip: "127.0.0.1", external: 11_434, internal: 8080 }],
      sysctls: {
        "net.ipv4.tcp_keepalive_time": "15",
        "net.ipv4.tcp_keepalive_intvl": "5",
        "net.ipv4.tcp_keepalive_probes": "4",
        "net.ipv4.tcp_retries2": "5",
        "net.ipv4.tcp_migrate_req": "1",
      },
      healthcheck: healthcheck(URL),
      destroyGraceSeconds: 5,
    });
  });

  test("and nginx, without a name, in the network and among the processes of that, with its log", () => {
    const joined = `container:${CONTAINER} lab-balancer`;
    expect(one(resources, CONTAINER, "lab-balancer-nginx").inputs).toEqual({
      ...HARDENED,
      tmpfs: { "/tmp": "mode=1777,size=384m" },
      command: ["sh", "-c", 'exec "$@" >/proc/1/fd/1 2>/proc/1/fd/2', "sh", ...NGINX],
      networkMode: joined,
      pidMode: joined,
      healthcheck: healthcheck("--unix-socket", "/tmp/mesh.sock", URL),
      destroyGraceSeconds: 600,
    });
  });

  test("with API keys nginx has a volume of its own for what they use, and the front has not", async () => {
    const access = { apiKeys: [{ name: "anna", key: "test-key-of-anna-0001" }] };
    const made = await record(
      () => new OllamaMesh("lab", { ...THREE_NODES, balancer: { access } }),
    );
    const volumes = (name: string) => one(made.resources, CONTAINER, name).inputs["volumes"];
    expect(volumes("lab-balancer")).toEqual(HARDENED.volumes);
    expect(volumes("lab-balancer-nginx")).toEqual([
      ...HARDENED.volumes,
      { volumeName: "lab-usage", containerPath: "/var/lib/ollama-mesh", readOnly: false },
    ]);
    const owner = one(made.resources, COMMAND, "lab-balancer-usage-owner");
    expect(JSON.parse(String(owner.inputs["stdin"]))).toEqual({
      endpoint: "unix:///var/run/docker.sock",
      volume: "lab-usage",
      image: "nginx:1.30.6",
    });
  });

  test("no nginx image replaces the first, but other ports do", () => {
    const replaced = { replaceOnChanges: ["healthcheck", "tmpfs"] };
    expect(one(resources, CONTAINER, "lab-balancer-nginx").options).toEqual({
      ...replaced,
      replacementTrigger: "local",
    });
    expect(one(resources, CONTAINER, "lab-balancer").options).toEqual({
      ...replaced,
      ignoreChanges: ["hostname", "image", "ports", "hosts"],
      replacementTrigger: JSON.stringify([
        "local",
        [{ ip: "127.0.0.1", external: 11_434, internal: 8080 }],
      ]),
    });
    expect(one(resources, COMMAND, "lab-balancer-kernel").options).toMatchObject({
      ignoreChanges: ["stdin"],
      replacementTrigger: "local",
    });
  });

  test("its nginx has as long to finish as nodes have", async () => {
    const rollout = { drainTimeoutSeconds: 77 };
    const made = await record(() => new OllamaMesh("lab", { ...THREE_NODES, rollout }));
    expect(one(made.resources, CONTAINER, "lab-balancer-nginx").inputs["destroyGraceSeconds"]).toBe(
      77,
    );
  });

  test("has its address in the mesh network from its gate", () => {
    const gate = one(resources, COMMAND, "lab-balancer-serving").inputs["stdin"];
    expect(JSON.parse(String(gate))).toMatchObject({ address: MESH_NETWORK.balancer });
  });
});
