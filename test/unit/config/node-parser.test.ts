// A node whose address, image or TLS is known late is checked and planned alone: as if the whole mesh were.
import fc from "fast-check";
import { describe, expect, test } from "vitest";

import type { MeshConfig } from "../../../config/mesh-config.ts";
import { parseMesh } from "../../../config/parse-mesh.ts";
import { type LateNodeValues, nodeParser, parseNodeKey } from "../../../config/node-parser.ts";
import { ConfigurationError } from "../../../config/problems.ts";
import { type MeshPlan, planMesh, replanNode } from "../../../plan/mesh-plan.ts";

const NAME = "lab";
const UNKNOWN: LateNodeValues = {
  address: undefined,
  image: undefined,
  tls: undefined,
  meshImage: undefined,
};

/** What comes of it: the plan of the node, or the message with every problem. */
function outcome(plan: () => unknown): unknown {
  try {
    return plan();
  } catch (error) {
    if (error instanceof ConfigurationError) return error.message;
    throw error;
  }
}

/** The long way: everything checked and planned anew. */
function whole(config: MeshConfig, at: number, { meshImage, ...own }: LateNodeValues): unknown {
  const nodes = config.nodes.with(at, { ...config.nodes[at]!, ...own } as MeshConfig["nodes"][0]);
  return outcome(() => {
    const known = parseMesh({ ...config, image: meshImage, nodes }, NAME);
    return planMesh(NAME, known).nodes[at];
  });
}

const alone = (plan: MeshPlan, config: MeshConfig, at: number, values: LateNodeValues): unknown =>
  outcome(() => replanNode(plan, nodeParser(config, NAME)(at, values), at));

/** In the network of a mesh called lab. */
const HIDDEN = "10.109.50.1";
const ADDRESSES = ["10.0.0.1", "10.0.0.2", "GPU1.lan", "gpu1.lan", "2001:db8::7", HIDDEN];
const IMAGES = ["ollama/ollama:1", "registry.lan:5000/vllm:2"];
const TLS = [{}, { serverName: "ollama.example.org" }];
const [WRONG_ADDRESS, WRONG_IMAGE, WRONG_TLS] = ["10.0.0", "-v", { serverName: "1.2.3.4" }];

const maybe = <T>(values: readonly T[]) =>
  fc.option(fc.constantFrom(...values), { nil: undefined });

/** Nodes that go with each other in every number: of each host and port there is one. */
const NODES = [
  {},
  { image: "vllm:1", service: { port: 8000 } },
  { host: "ssh://gpu1.lan", access: "balancerOnly" },
  { host: "ssh://10.0.0.1", port: 8000, models: ["smollm2:135m"] },
  { host: "unix:///run/user/1/docker.sock", address: "known-later-4.invalid" },
  { managed: false, address: "10.0.0.2", tls: { serverName: "ollama.example.org" } },
  { managed: false, address: "known-later-6.invalid", port: 443 },
].map((node, at) => ({ name: `n${at}`, ...node }));
const mesh = fc.record(
  {
    nodes: fc.shuffledSubarray(NODES, { minLength: 1 }),
    image: fc.constantFrom(...IMAGES),
    access: fc.constant("balancerOnly" as const),
    balancer: fc.constantFrom({}, { subnet: "10.10.0.0/24" }, { listen: { port: 80 } }),
  },
  { requiredKeys: ["nodes"] },
);
/** What differs from what is declared. */
const lateValues = fc.record(
  {
    address: maybe([...ADDRESSES, WRONG_ADDRESS]),
    image: maybe([...IMAGES, WRONG_IMAGE]),
    tls: maybe([...TLS, WRONG_TLS]),
    meshImage: maybe([...IMAGES, WRONG_IMAGE]),
  },
  { requiredKeys: [] },
);

test("one node has the plan and the problems that it has with the whole mesh", () => {
  const seen = { planned: 0, refused: 0 };
  fc.assert(
    fc.property(mesh, fc.nat(6), lateValues, (input, place, late) => {
      const config = parseMesh(input, NAME);
      const at = place % config.nodes.length;
      const { address, image, tls } = config.nodes[at]!;
      const values = { address, image, tls, meshImage: config.image, ...late };
      const expected = whole(config, at, values);
      expect(alone(planMesh(NAME, config), config, at, values)).toStrictEqual(expected);
      seen[typeof expected === "string" ? "refused" : "planned"]++;
    }),
    // One in ten is planned: of 300 fewer than 21 were in two runs of a hundred.
    { numRuns: 1000 },
  );
  // Else one of the two would not have been tried at all.
  expect(seen.planned).toBeGreaterThan(20);
  expect(seen.refused).toBeGreaterThan(20);
});

describe("by its late values", () => {
  const config = parseMesh(
    {
      nodes: [
        { name: "known", managed: false, address: "10.0.0.1" },
        { name: "late", managed: false, address: "known-later-1.invalid" },
        { name: "far", host: "ssh://gpu1.lan" },
      ],
    },
    NAME,
  );
  const messageOf = (at: number, values: Partial<LateNodeValues>) =>
    outcome(() => nodeParser(config, NAME)(at, { ...UNKNOWN, ...values }));

  test("it gets them, and the others stay as they are", () => {
    const known = nodeParser(config, NAME)(1, {
      ...UNKNOWN,
      address: "10.0.0.2",
      meshImage: "a:1",
    });
    expect(known.nodes[1]).toEqual({ name: "late", managed: false, address: "10.0.0.2" });
    expect(known.image).toBe("a:1");
    expect([known.nodes[0], known.nodes[2]]).toEqual([config.nodes[0], config.nodes[2]]);
    expect(config.nodes[1]!.address).toBe("known-later-1.invalid");
  });

  test.each<[string, number, Partial<LateNodeValues>, string]>([
    [
      "the address of another",
      1,
      { address: "10.0.0.1" },
      "nodes[1].address  must be unique, but nodes[0] is reached at the same address and port; give one another port",
    ],
    [
      "no address at all",
      1,
      {},
      "nodes[1].address  is missing; a node that is not managed is reached by its address only",
    ],
    [
      "a mistyped address",
      1,
      { address: "10.0.0" },
      'nodes[1].address  must be an IP address or host name, without scheme or port, got "10.0.0"',
    ],
    [
      "TLS at an IP address",
      1,
      { address: "10.0.0.2", tls: {} },
      "nodes[1].tls.serverName  is missing; nginx verifies a certificate by its name, and the address is 10.0.0.2",
    ],
    [
      "a wrong image of the mesh",
      2,
      { meshImage: "-v" },
      'image  must be an image as name:tag or name@sha256:digest, got "-v"',
    ],
  ])("%s is refused", (_what, at, values, problem) => {
    expect(messageOf(at, values)).toBe(`ollama-mesh: 1 problem in the configuration\n  ${problem}`);
  });
});

test("a key that is known late is refused without being shown", () => {
  expect(parseNodeKey("key:of|a-node", 1)).toBe("key:of|a-node");
  expect(() => parseNodeKey("a key; $host", 1)).toThrow(
    /^ollama-mesh: 1 problem in the configuration\n {2}nodes\[1\]\.apiKey {2}must be a key of letters, digits and \._~\+\/=:\|-$/,
  );
});
