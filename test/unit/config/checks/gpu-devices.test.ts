// Each vendor and each form in which a GPU may be called: what the container is told, or a refusal.
import { describe, expect, test } from "vitest";

import { nodeContainerArgs } from "../../../../components/containers/node-container.ts";
import { parseMesh } from "../../../../config/parse-mesh.ts";
import { planMesh } from "../../../../plan/mesh-plan.ts";
import { problemsOf } from "../../../support/config-problems.ts";

const FORMS = {
  index: ["0", "2"],
  UUID: ["GPU-8a5f3c9e-1b2d-4e6f-9a0b-1c2d3e4f5a6b"],
  MIG: ["MIG-GPU-8a5f3c9e/1/0", "0:1"],
  "NVIDIA's CDI": ["nvidia.com/gpu=0"],
  "AMD's CDI": ["amd.com/gpu=0"],
  "another's CDI": ["intel.com/gpu=card0"],
  path: ["/dev/dri/renderD129"],
};
type Form = keyof typeof FORMS;

/** What tells the container which GPUs: the arguments of Docker, and the variables of GPUs. */
function told(vendor: string, devices: string[], more: object = {}) {
  const gpus = { vendor, devices, ...more };
  const mesh = planMesh("lab", parseMesh({ nodes: [{ name: "a", gpus }] }));
  const { environment } = mesh.nodes[0]!.container!;
  const args: Record<string, unknown> = nodeContainerArgs(mesh, mesh.nodes[0]!, []);
  const given = ["gpus", "deviceRequests", "devices", "runtime"].filter((key) => key in args);
  return {
    ...Object.fromEntries(given.map((key) => [key, args[key]])),
    variables: environment.filter((each) => /VISIBLE_DEVICES|VULKAN/.test(each)),
  };
}

const VOID = "NVIDIA_VISIBLE_DEVICES=void";
const cdi = (form: Form) => ({
  deviceRequests: [{ driver: "cdi", deviceIds: FORMS[form] }],
  variables: [VOID],
});
const toolkit = (form: Form) => ({
  deviceRequests: [{ driver: "nvidia", deviceIds: FORMS[form], capabilities: ["gpu"] }],
  variables: [],
});
const files = (paths: string[], ...variables: string[]) => ({
  devices: paths.map((path) => ({ hostPath: path, containerPath: path, permissions: "rwm" })),
  variables: [...variables].sort(),
});
const vulkan = { ...cdi("another's CDI"), variables: [VOID, "OLLAMA_VULKAN=1"] };

/** A cell without what the container is told is refused. */
const TABLE: Record<string, Partial<Record<Form, object>>> = {
  nvidia: {
    index: toolkit("index"),
    UUID: toolkit("UUID"),
    MIG: toolkit("MIG"),
    "NVIDIA's CDI": cdi("NVIDIA's CDI"),
    "another's CDI": cdi("another's CDI"),
  },
  amd: {
    index: files(["/dev/dri", "/dev/kfd"], VOID, "ROCR_VISIBLE_DEVICES=0,2"),
    UUID: files(["/dev/dri", "/dev/kfd"], VOID, `ROCR_VISIBLE_DEVICES=${FORMS.UUID[0]}`),
    "AMD's CDI": cdi("AMD's CDI"),
    "another's CDI": cdi("another's CDI"),
    path: files(["/dev/dri/renderD129", "/dev/kfd"], VOID),
  },
  vulkan: {
    index: files(["/dev/dri"], "GGML_VK_VISIBLE_DEVICES=0,2", VOID, "OLLAMA_VULKAN=1"),
    "another's CDI": vulkan,
    path: files(["/dev/dri/renderD129"], VOID, "OLLAMA_VULKAN=1"),
  },
  none: {},
};

describe.each(Object.entries(TABLE))("vendor %s", (vendor, row) => {
  test.each(Object.entries(FORMS))("by %s", (form, devices) => {
    const expected = row[form as Form];
    if (expected) return expect(told(vendor, devices)).toEqual(expected);
    const gpus = { vendor, devices };
    const problems = problemsOf({ nodes: [{ name: "a", gpus }] });
    expect(problems.length).toBeGreaterThan(0);
    for (const { path } of problems) expect(path).toMatch(/^nodes\[0\]\.gpus\.devices/);
    return undefined;
  });
});

test("forms that choose in different ways do not go together", () => {
  const devices = ["0", "/dev/dri/renderD129"];
  expect(problemsOf({ nodes: [{ name: "a", gpus: { vendor: "amd", devices } }] })).toEqual([
    {
      path: "nodes[0].gpus.devices",
      text: "must be all CDI names, all paths, or all indexes and UUIDs",
    },
  ]);
});

test.each(["1,2", "", "gpu 0", "/etc/passwd", "/dev/../etc", "-1"])("%j is no GPU", (device) => {
  const gpus = { vendor: "amd", devices: [device] };
  expect(problemsOf({ nodes: [{ name: "a", gpus }] })).toMatchObject([
    { path: "nodes[0].gpus.devices[0]" },
  ]);
});

test("by the runtime of a Jetson it is the runtime that gives them, and the variable that says which", () => {
  const runtime = { runtime: "nvidia" };
  expect(told("nvidia", ["0"], runtime)).toEqual({
    ...runtime,
    variables: ["NVIDIA_VISIBLE_DEVICES=0"],
  });
  const gpus = { vendor: "amd", ...runtime };
  expect(problemsOf({ nodes: [{ name: "a", gpus }] })).toMatchObject([
    { path: "nodes[0].gpus.runtime" },
  ]);
});
