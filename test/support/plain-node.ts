// What a node without any setting is, in a mesh called lab.
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
    tests: ["CMD", "/bin/ollama", "ps"],
    interval: "15s",
    timeout: "5s",
    retries: 3,
    startPeriod: "10s",
  },
  logDriver: "json-file",
  logOpts: { "max-file": "3", "max-size": "10m" },
  restart: "unless-stopped",
  stopTimeout: 10,
  destroyGraceSeconds: 10,
});
