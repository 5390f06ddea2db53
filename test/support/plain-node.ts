// What a node without any setting is, in a mesh called lab.
import { readFileSync } from "node:fs";

import { expect } from "vitest";

import type { RouterSettings } from "../../templates/router-data.ts";
import { ADDRESS } from "./mesh-network.ts";

/** The environment of its Ollama, sorted. */
export const PLAIN_ENVIRONMENT = [
  "NVIDIA_VISIBLE_DEVICES=void",
  "OLLAMA_HOST=0.0.0.0:11434",
  "OLLAMA_KEEP_ALIVE=24h",
  "OLLAMA_NOPRUNE=1",
  "OLLAMA_NO_CLOUD=1",
  "OLLAMA_NUM_PARALLEL=2",
];

/** Its health check: the script without comments. */
const HEALTH = readFileSync(
  new URL("../../components/containers/node-health.sh", import.meta.url),
  "utf8",
)
  .split("\n")
  .filter((line) => !/^ *(#|$)/.test(line))
  .map((line) => `${line}\n`)
  .join("");

/** All that the provider is told of its container. */
export const plainContainer = (name: keyof typeof ADDRESS) => ({
  name: `lab-${name}`,
  image: "ollama/ollama:0.32.15",
  envs: PLAIN_ENVIRONMENT,
  networksAdvanced: [{ name: "lab-network", ipv4Address: ADDRESS[name] }],
  volumes: [{ volumeName: "lab-models", containerPath: "/root/.ollama" }],
  tmpfs: { "/tmp": "mode=1777" },
  readOnly: true,
  capabilities: { drops: ["ALL"] },
  securityOpts: ["no-new-privileges:true"],
  labels: [
    { label: "ollama-mesh", value: "lab" },
    { label: "ollama-mesh.node", value: name },
  ],
  healthcheck: {
    tests: ["CMD", "bash", "-c", HEALTH, "bash", name, `/root/.ollama/mesh/${name}`],
    interval: "10s",
    timeout: "30s",
    retries: 3,
    startPeriod: "10s",
  },
  logDriver: "json-file",
  logOpts: { "max-file": "3", "max-size": "10m" },
  restart: "unless-stopped",
  stopTimeout: 10,
  destroyGraceSeconds: 10,
});

/** What the program in nginx is told beside the nodes in a mesh without settings. */
export const ROUTER_SETTINGS: RouterSettings = {
  choice: "earliest",
  judged: true,
  longestWaitSeconds: 60,
  requestsMost: 1000,
  waitingPerPlace: 64,
  loadSeconds: 20,
};

/** The same as a step gets it. */
export const ROUTER = {
  program: expect.stringMatching(/^[0-9a-f]{16}$/) as string,
  settings: ROUTER_SETTINGS,
};
