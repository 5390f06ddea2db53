// What the program finds changed by hand on the balancer, and that it finds nothing where nothing was.
import { createHash } from "node:crypto";

import { describe, expect, test } from "vitest";

import { configDrift, lineDrift, nginxDrift } from "../../../../components/observed/drift.ts";
import { parseMesh } from "../../../../config/parse-mesh.ts";
import { planMesh } from "../../../../plan/mesh-plan.ts";
import { seal, type MeshState, parseObserved } from "../../../../steps/balancer/mesh-state.ts";
import { nginxConf } from "../../../../templates/nginx-conf.ts";
import { withServers } from "../../../../templates/admitted-servers.ts";

const plan = planMesh("lab", parseMesh({ nodes: [{ name: "a" }, { name: "b" }] }));
const line = (address: string) => `server ${address}:11434;`;
const server = (address: string) => ({ line: line(address), addresses: [address], port: 11_434 });
const state: MeshState = {
  base: nginxConf(plan.balancer, plan.nodes),
  secrets: "",
  servers: { a: server("10.0.0.1"), b: server("10.0.0.2") },
  expected: ["a", "b"],
};

/** What the balancer prints for a state, with what is given in its place. */
function standing(
  given: { json?: string; conf?: string; served?: string; alone?: string; state?: MeshState } = {},
) {
  const { conf, hash } = withServers(state.base, (given.state ?? state).servers, "");
  const digest = createHash("sha256")
    .update(given.conf ?? conf)
    .digest("hex");
  const json = given.json ?? seal(given.state ?? state);
  return parseObserved(`${json}\n${digest}\n${given.served ?? hash}${given.alone ?? ""}`);
}
const [a, off] = [
  { name: "a", offline: false },
  { name: "a", offline: true },
];

test("nothing is found where nothing was changed", () => {
  expect(configDrift(standing())).toBeUndefined();
  expect(nginxDrift(standing())).toBeUndefined();
  expect(lineDrift(standing(), a, line("10.0.0.1"))).toBeUndefined();
});

test("nothing is found where the balancer is not there or cannot be asked", () => {
  for (const none of ["none", "unknown"] as const) {
    expect(configDrift(none)).toBeUndefined();
    expect(nginxDrift(none)).toBeUndefined();
    expect(lineDrift(none, a, line("10.0.0.1"))).toBeUndefined();
  }
});

test("a declared change that is about to be made is none", () => {
  expect(lineDrift(standing(), a, "server 10.0.0.1:11434 weight=2;")).toBeUndefined();
  expect(lineDrift(standing(), { name: "new", offline: false }, line("10.0.0.9"))).toBeUndefined();
  expect(lineDrift(standing(), off, undefined)).toBeUndefined();
});

describe("found is", () => {
  test("an nginx.conf that somebody edited", () => {
    expect(configDrift(standing({ conf: "events {}" }))).toBe(
      "nginx.conf in the config volume was changed by hand",
    );
  });

  test("another config than nginx serves with", () => {
    expect(configDrift(standing({ served: "0123" }))).toBe("nginx serves with another config");
    expect(configDrift(standing({ served: "" }))).toBe("nginx serves with no config");
  });

  test("nginx that is down, while the front serves", () => {
    expect(nginxDrift(standing({ alone: "\nalone" }))).toBe(
      "nginx is down, and the front serves by one of its own",
    );
  });

  test("an expected node whose line is gone", () => {
    const { a: _, ...servers } = state.servers;
    const gone = standing({ state: { ...state, servers } });
    expect(lineDrift(gone, a, line("10.0.0.1"))).toBe("its line is gone from nginx's config");
    expect(lineDrift(gone, { name: "b", offline: false }, line("10.0.0.2"))).toBeUndefined();
  });

  test("a mesh.json that somebody edited, and each line in it that is not as declared", () => {
    const json = seal(state).replace("10.0.0.1:11434", "10.0.0.7:11434");
    expect(configDrift(standing({ json }))).toBe(
      "mesh.json in the config volume was changed by hand",
    );
    expect(lineDrift(standing({ json }), a, line("10.0.0.1"))).toBe(
      "its line in nginx's config was changed by hand",
    );
    expect(lineDrift(standing({ json }), a, undefined)).toBeUndefined();
    expect(lineDrift(standing({ json }), off, undefined)).toBe("its line is in nginx's config");
  });

  test.each(["", "{", "nothing"])("a mesh.json that holds %j", (json) => {
    expect(configDrift(standing({ json }))).toBe(
      "mesh.json in the config volume was changed by hand",
    );
    expect(lineDrift(standing({ json }), a, line("10.0.0.1"))).toBe(
      "its line is gone from nginx's config",
    );
  });
});
