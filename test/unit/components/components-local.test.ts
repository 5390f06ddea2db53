// Under Pulumi's mocks: resources, parents and dependencies of a mesh on one engine.
// What this does not prove: diffs, replacements and real hosts.
import { beforeAll, describe, expect, test } from "vitest";

import { one, type Registered } from "../../support/mocks.ts";
import {
  COMMAND,
  CONTAINER,
  VOLUME,
  NETWORK,
  PROVIDER,
  MESH,
  HOST,
  NODE,
  BALANCER,
  LOCAL,
  build,
  named,
  UNDIVERTED,
  short,
  waits,
  THREE_NODES,
} from "../../support/recorded-mesh.ts";

describe("a mesh of three local nodes", () => {
  let resources: Registered[];

  beforeAll(async () => {
    ({ resources } = await build(THREE_NODES));
  });

  /** Everything of the balancer and its host that a node waits for. */
  const BALANCER_PARTS = [
    "Command lab-balancer-config",
    "Command lab-balancer-image",
    "Command lab-balancer-joined",
    "Command lab-balancer-kernel",
    "Command lab-balancer-ports",
    "Command lab-balancer-serving",
    "Container lab-balancer",
    "Container lab-balancer-nginx",
    "Network lab-balancer-network",
    "Volume lab-balancer-config",
  ];
  const HOST_PARTS = [
    "Command lab-local-images",
    "Command lab-local-models",
    "Command lab-local-preflight",
    "Volume lab-local-models",
  ];

  test("is these resources and no other", () => {
    const nodeParts = (name: string) => [
      `Command lab-${name}-admission`,
      `Command lab-${name}-ready`,
      `Command lab-${name}-turn`,
      `Container lab-${name}`,
      `OllamaNode lab-${name}`,
    ];
    expect(named(resources)).toEqual(
      [
        "OllamaMesh lab",
        "GpuHost lab-local",
        "docker lab-local",
        "LoadBalancer lab-balancer",
        ...BALANCER_PARTS,
        ...HOST_PARTS,
        ...["one", "two", "three"].flatMap(nodeParts),
      ].toSorted(),
    );
  });

  test("every resource has its component as parent", () => {
    const parents = Object.groupBy(resources, ({ parent }) => parent);
    const children = Object.fromEntries(
      Object.entries(parents).map(([parent, own]) => [parent, named(own!)]),
    );
    const node = (name: string) => [
      `Command lab-${name}-admission`,
      `Command lab-${name}-ready`,
      `Command lab-${name}-turn`,
      `Container lab-${name}`,
    ];
    expect(children).toEqual({
      "": ["OllamaMesh lab"],
      [`${MESH} lab`]: [
        "GpuHost lab-local",
        "LoadBalancer lab-balancer",
        "OllamaNode lab-one",
        "OllamaNode lab-three",
        "OllamaNode lab-two",
      ],
      [`${HOST} lab-local`]: [...HOST_PARTS, "docker lab-local"],
      [`${BALANCER} lab-balancer`]: BALANCER_PARTS,
      [`${NODE} lab-one`]: node("one"),
      [`${NODE} lab-two`]: node("two"),
      [`${NODE} lab-three`]: node("three"),
    });
  });

  test("what is on an engine goes through its provider, and the rest through none", () => {
    const provided = resources.filter(({ provider }) => provider !== "");
    expect(named(provided)).toEqual(
      resources
        .filter(({ type }) => type.startsWith("docker:"))
        .map(({ type, name }) => `${short(type)} ${name}`)
        .toSorted(),
    );
    expect(new Set(provided.map(({ provider }) => provider))).toEqual(
      new Set([`${PROVIDER} lab-local`]),
    );
    expect(one(resources, PROVIDER, "lab-local").inputs).toEqual({ host: LOCAL, ...UNDIVERTED });
  });

  test("options are these and no other", () => {
    const step = { deleteBeforeReplace: true, replaceOnChanges: ["triggers[*]"] };
    const container = {
      deleteBeforeReplace: true,
      replaceOnChanges: ["healthcheck", "tmpfs"],
      replacementTrigger: "local",
    };
    // Docker takes no limit away from what runs.
    const limits = ["memory", "memorySwap"];
    const node = { ...container, replaceOnChanges: [...container.replaceOnChanges, ...limits] };
    for (const { type, name, options } of resources) {
      // See balancer-containers.test.ts.
      if (/-balancer(-nginx|-kernel)?$/.test(name) && options.replacementTrigger) continue;
      const looked = type === COMMAND && /-(balancer-(config|serving)|admission)$/.test(name);
      // Both networks are there for a while: see mesh-network.ts.
      if (name === "lab-balancer-joined") {
        expect(options).toEqual({ replaceOnChanges: ["triggers[*]"] });
        continue;
      }
      const expected =
        type === COMMAND
          ? { ...step, ...(looked ? { ignoreChanges: ["environment"] } : {}) }
          : type === CONTAINER
            ? name.endsWith("-balancer")
              ? container
              : node
            : `${type} ${name}` === `${VOLUME} lab-local-models`
              ? { retainOnDelete: true, ignoreChanges: ["labels"] }
              : type === VOLUME || type === NETWORK
                ? { replacementTrigger: "local" }
                : {};
      expect(options, `${type} ${name}`).toEqual(expected);
    }
  });

  describe("dependencies", () => {
    test("the host is asked before anything is made on it; images and volume come before models", () => {
      expect(waits(resources, COMMAND, "lab-local-preflight")).toEqual([]);
      expect(waits(resources, COMMAND, "lab-local-images")).toEqual([
        "Command lab-local-preflight",
      ]);
      expect(waits(resources, VOLUME, "lab-local-models")).toEqual(["Command lab-local-preflight"]);
      expect(waits(resources, COMMAND, "lab-local-models")).toEqual([
        "Command lab-local-images",
        "Volume lab-local-models",
      ]);
    });

    test("nginx starts with its config in place and its port known to be free", () => {
      expect(waits(resources, COMMAND, "lab-balancer-image")).toEqual([
        "Command lab-local-preflight",
      ]);
      expect(waits(resources, NETWORK, "lab-balancer-network")).toEqual([
        "Command lab-local-preflight",
      ]);
      expect(waits(resources, VOLUME, "lab-balancer-config")).toEqual([
        "Command lab-local-preflight",
      ]);
      expect(waits(resources, COMMAND, "lab-balancer-ports")).toEqual([
        "Command lab-balancer-image",
      ]);
      expect(waits(resources, COMMAND, "lab-balancer-joined")).toEqual([
        "Command lab-local-preflight",
        "Network lab-balancer-network",
      ]);
      expect(waits(resources, COMMAND, "lab-balancer-config")).toEqual([
        "Command lab-balancer-image",
        "Command lab-balancer-joined",
        "Command lab-balancer-ports",
        "Command lab-local-preflight",
        "Volume lab-balancer-config",
      ]);
      expect(waits(resources, COMMAND, "lab-balancer-kernel")).toEqual([
        "Command lab-balancer-image",
      ]);
      expect(waits(resources, CONTAINER, "lab-balancer")).toEqual([
        "Command lab-balancer-config",
        "Command lab-balancer-kernel",
        "Network lab-balancer-network",
      ]);
      expect(waits(resources, CONTAINER, "lab-balancer-nginx")).toEqual(["Container lab-balancer"]);
      expect(waits(resources, COMMAND, "lab-balancer-serving")).toEqual([
        "Container lab-balancer",
        "Container lab-balancer-nginx",
      ]);
    });

    test("a node: its turn, its container, ready, admitted", () => {
      expect(waits(resources, CONTAINER, "lab-one")).toEqual(
        ["Command lab-one-turn", "Network lab-balancer-network", ...HOST_PARTS].toSorted(),
      );
      expect(waits(resources, COMMAND, "lab-one-ready")).toEqual(["Container lab-one"]);
      expect(waits(resources, COMMAND, "lab-one-admission")).toEqual([
        "Command lab-one-ready",
        "Container lab-one",
      ]);
    });

    test("one at a time: the turn of each waits for the admission of the one before", () => {
      const before = [...BALANCER_PARTS, ...HOST_PARTS];
      expect(waits(resources, COMMAND, "lab-one-turn")).toEqual(before.toSorted());
      expect(waits(resources, COMMAND, "lab-two-turn")).toEqual(
        ["Command lab-one-admission", ...before].toSorted(),
      );
      expect(waits(resources, COMMAND, "lab-three-turn")).toEqual(
        ["Command lab-two-admission", ...before].toSorted(),
      );
    });

    test("the balancer waits for no node, or replacing one would replace it", () => {
      const own = resources.filter(({ parent }) => parent === `${BALANCER} lab-balancer`);
      const nodes = own
        .flatMap(({ dependsOn }) => dependsOn)
        .filter((each) => /lab-(one|two|three)/.test(each));
      expect(nodes).toEqual([]);
    });
  });
});
