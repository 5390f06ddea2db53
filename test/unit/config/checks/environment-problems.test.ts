import { expect, test } from "vitest";

import { messageOf, problemPaths } from "../../../support/config-problems.ts";

const OF_OLLAMA = [
  ...["OLLAMA_HOST", "OLLAMA_MODELS", "OLLAMA_NOPRUNE", "OLLAMA_VULKAN", "HOME"],
  ...["NVIDIA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "GGML_VK_VISIBLE_DEVICES"],
];
const SECRET = "not-to-be-shown";

test.each(OF_OLLAMA)(
  "%s, which contradicts the mesh, is refused, and its value not shown",
  (name) => {
    const ollama = { environment: { [name]: SECRET } };
    const message = messageOf({ nodes: [{ name: "a", ollama }] });
    expect(message).toMatch(/^ollama-mesh: 1 problem in the configuration\n/);
    expect(message).toContain(`nodes[0].ollama.environment.${name}  must not be set: it `);
    expect(message).not.toContain(SECRET);
  },
);

test("so it is where all nodes are given it", () => {
  const ollama = { environment: { OLLAMA_HOST: "127.0.0.1" } };
  expect(problemPaths({ ollama, nodes: [{ name: "a" }] })).toEqual([
    "ollama.environment.OLLAMA_HOST",
  ]);
});

test("a service has an own idea of all but its GPUs", () => {
  const environment = Object.fromEntries(OF_OLLAMA.map((name) => [name, SECRET]));
  const service = { port: 80, environment };
  expect(problemPaths({ nodes: [{ name: "a", image: "a", service }] })).toEqual([
    "nodes[0].service.environment.NVIDIA_VISIBLE_DEVICES",
    "nodes[0].service.environment.ROCR_VISIBLE_DEVICES",
    "nodes[0].service.environment.GGML_VK_VISIBLE_DEVICES",
  ]);
});

test("others are the user's own, and so is Vulkan beside GPUs that the container has", () => {
  const environment = { OLLAMA_DEBUG: "1", HTTPS_PROXY: "http://proxy.lan", OLLAMA_VULKAN: "1" };
  const node = { name: "a", gpus: { vendor: "amd" }, ollama: { environment } };
  expect(problemPaths({ nodes: [node] })).toEqual([]);
});
