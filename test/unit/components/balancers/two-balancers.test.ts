// Under Pulumi's mocks: two balancers before the same nodes, and what each node does at each of them.
import { beforeAll, describe, expect, test } from "vitest";

import type { OllamaMesh, OllamaMeshArgs } from "../../../../components/index.ts";
import { one, reveal, stepInput, valueOf, type Registered } from "../../../support/mocks.ts";
import {
  BALANCER,
  build,
  COMMAND,
  CONTAINER,
  named,
  waits,
} from "../../../support/recorded-mesh.ts";

const [A, B] = ["ssh://ops@192.168.1.11", "ssh://ops@192.168.1.12"];
const hosts = [{ host: A }, { host: B }];
const LISTEN = { address: "0.0.0.0" };
const args: OllamaMeshArgs = {
  nodes: [
    { name: "one", host: A, port: 11_435 },
    { name: "two", host: B, port: 11_435, access: "balancerOnly" },
  ],
  balancer: { hosts, listen: LISTEN },
};

let resources: Registered[];
let mesh: OllamaMesh;
let keys: { a: string; b: string };

beforeAll(async () => {
  ({ resources, result: mesh } = await build(args));
  const [a, b] = resources
    .filter(({ type }) => type === BALANCER)
    .map(({ name }) => name.replace("lab-balancer-", ""))
    .toSorted();
  keys = { a: a!, b: b! };
});

describe("two balancers", () => {
  test("are named after their machines, not after their places in the list", async () => {
    const swapped = await build({
      ...args,
      balancer: { hosts: hosts.toReversed(), listen: LISTEN },
    });
    expect(named(swapped.resources)).toEqual(named(resources));
    for (const { type, name, inputs } of swapped.resources) {
      // The look at all hosts says them in their order.
      if (name === "lab-hosts") continue;
      expect(inputs, name).toEqual(one(resources, type, name).inputs);
    }
    expect(keys.a).toMatch(/^192-168-1-11-[0-9a-f]{6}$/);
    expect(keys.b).toMatch(/^192-168-1-12-[0-9a-f]{6}$/);
  });

  test("are each what one is, on its own engine", () => {
    const own = (key: string) =>
      named(resources.filter(({ parent }) => parent === `${BALANCER} lab-balancer-${key}`)).map(
        (name) => name.replace(`-${key}`, ""),
      );
    expect(own(keys.a)).toEqual(own(keys.b));
    expect(own(keys.a)).toContain("Container lab-balancer-nginx");
    for (const key of [keys.a, keys.b]) {
      const front = one(resources, CONTAINER, `lab-balancer-${key}`);
      expect(front.inputs["name"]).toBe("lab-balancer");
    }
  });

  test("have the same config; lines of nodes that are not declared go from it", () => {
    const [a, b] = [keys.a, keys.b].map((key) => {
      const { balancer, ...rest } = stepInput(
        one(resources, COMMAND, `lab-balancer-${key}-config`),
      ) as { balancer: { endpoint: string } };
      return { endpoint: balancer.endpoint, rest };
    });
    expect([a!.endpoint, b!.endpoint]).toEqual([A, B]);
    expect(a!.rest).toEqual(b!.rest);
    expect(a!.rest).toMatchObject({ declared: ["one", "two"] });
    // A page of the one may ask the other, whichever is the first.
    const pages = [...JSON.stringify(a!.rest).matchAll(/ (http:\/\/192[^;]+);/g)].map(
      ([, page]) => page,
    );
    expect(pages).toEqual(["http://192.168.1.11:11434", "http://192.168.1.12:11434"]);
  });

  test("are changed one after the other", () => {
    const config = `lab-balancer-${keys.b}-config`;
    expect(waits(resources, COMMAND, config)).toContain(`Container lab-balancer-${keys.a}`);
  });

  test("give the first one's URL, and both", async () => {
    expect(await valueOf(mesh.endpoint)).toBe("http://192.168.1.11:11434");
    expect(await valueOf(mesh.endpoints)).toEqual([
      "http://192.168.1.11:11434",
      "http://192.168.1.12:11434",
    ]);
  });
});

describe("a node", () => {
  test("is published, also on a balancer's machine", () => {
    expect(one(resources, CONTAINER, "lab-one").inputs["ports"]).toEqual([
      { ip: "192.168.1.11", external: 11_435, internal: 11_434 },
    ]);
  });

  test("takes its turn, is ready and admitted at each; its container waits for both turns", () => {
    for (const step of ["turn", "ready", "admission"]) {
      const endpoints = [keys.a, keys.b].map((key) => {
        const input = stepInput(one(resources, COMMAND, `lab-one-${step}-${key}`));
        return (input as { balancer: { endpoint: string } }).balancer.endpoint;
      });
      expect(endpoints).toEqual([A, B]);
    }
    const before = waits(resources, CONTAINER, "lab-one");
    for (const key of [keys.a, keys.b]) expect(before).toContain(`Command lab-one-turn-${key}`);
  });

  test("waits with its turn for both admissions of the one before", () => {
    const before = waits(resources, COMMAND, `lab-two-turn-${keys.a}`);
    for (const key of [keys.a, keys.b])
      expect(before).toContain(`Command lab-one-admission-${key}`);
  });

  test("asks both whether it hangs", () => {
    const input = stepInput(one(resources, COMMAND, `lab-one-ready-${keys.b}`));
    expect(input).toMatchObject({
      judges: [
        { address: "192.168.1.11", port: 11_434 },
        { address: "192.168.1.12", port: 11_434 },
      ],
    });
  });

  test("has a certificate for each with access: balancerOnly", () => {
    const links = named(resources).filter((name) => name.includes("-link"));
    expect(links).toEqual([`Command lab-two-link-${keys.a}`, `Command lab-two-link-${keys.b}`]);
  });
});

describe("a machine that is switched off", () => {
  test("is left alone, with all that nodes do there", async () => {
    const off = await build({
      nodes: [args.nodes[0]!, { ...args.nodes[1]!, offline: true }],
      balancer: { hosts: [{ host: A }, { host: B, offline: true }], listen: LISTEN },
    });
    const touched = (part: string) =>
      off.resources.filter(
        ({ name, options, type }) =>
          name.includes(part) && !options.ignoreChanges?.includes("*") && type.includes("/"),
      );
    const local = named(off.resources).filter((name) => name.includes(`-link-${keys.b}`));
    expect(local).toEqual([`Command lab-two-link-${keys.b}`]);
    const commands = off.resources.filter(
      ({ name, type, options }) =>
        type === COMMAND && name.endsWith(keys.b) && !options.ignoreChanges?.includes("*"),
    );
    expect(named(commands)).toEqual([]);
    expect(named(touched(`lab-balancer-${keys.b}`))).toEqual([]);
    const front = one(off.resources, CONTAINER, `lab-balancer-${keys.b}`);
    expect(front.options).toMatchObject({
      ignoreChanges: ["*", "hostname", "image", "ports", "hosts"],
      retainOnDelete: true,
    });
    expect(front.options.replacementTrigger).toBeUndefined();
    const other = one(off.resources, CONTAINER, `lab-balancer-${keys.a}`);
    expect(other.options.retainOnDelete).toBeUndefined();
  });
});

describe("an address together", () => {
  let shared: Registered[];
  beforeAll(async () => {
    const { resources: made, result } = await build({
      ...args,
      balancer: { hosts, listen: LISTEN, virtualAddress: "192.168.1.50/24", virtualRouterId: 7 },
    });
    shared = made;
    expect(await valueOf(result.endpoint)).toBe("http://192.168.1.50:11434");
    expect(await valueOf(result.endpoints)).toEqual([
      "http://192.168.1.11:11434",
      "http://192.168.1.12:11434",
    ]);
  });

  test("is held by a container with two rights, on the host's network", () => {
    const { inputs } = one(shared, CONTAINER, `lab-balancer-${keys.a}-address`);
    expect(inputs).toMatchObject({
      name: "lab-balancer.address",
      networkMode: "host",
      capabilities: { adds: ["CAP_NET_ADMIN", "CAP_NET_RAW"], drops: ["ALL"] },
      readOnly: true,
      securityOpts: ["no-new-privileges:true"],
      restart: "unless-stopped",
    });
    expect((inputs["command"] as string[]).slice(3)).toEqual([
      ...["192.168.1.50/24", "192.168.1.11", "192.168.1.12", "7", "150"],
      "http://192.168.1.11:11434/healthz",
    ]);
    expect(inputs["image"]).toMatch(/^ollama-mesh\/keepalived:[0-9a-f]{16}$/);
    const other = one(shared, CONTAINER, `lab-balancer-${keys.b}-address`);
    expect((other.inputs["command"] as string[]).slice(3, 8)).toEqual([
      ...["192.168.1.50/24", "192.168.1.12", "192.168.1.11", "7", "100"],
    ]);
  });

  test("goes to the other machine before ports are moved", () => {
    const serving = stepInput(one(shared, COMMAND, `lab-balancer-${keys.a}-serving`));
    expect(serving).toMatchObject({ virtualAddress: "lab-balancer.address" });
  });

  test("needs an image, which is built where none is declared", async () => {
    const built = stepInput(one(shared, COMMAND, `lab-balancer-${keys.a}-address-image`));
    expect(built).toEqual({ endpoint: A, nginx: "nginx:1.30.6" });
    const { resources: own } = await build({
      ...args,
      balancer: {
        ...{ hosts, listen: LISTEN, virtualAddress: "192.168.1.50/24" },
        keepalivedImage: "keepalived:2",
      },
    });
    const pulled = stepInput(one(own, COMMAND, `lab-balancer-${keys.a}-address-image`));
    expect(pulled).toEqual({ endpoint: A, images: ["keepalived:2"] });
    expect(reveal(one(own, CONTAINER, `lab-balancer-${keys.a}-address`).inputs["image"])).toBe(
      "keepalived:2",
    );
  });
});
