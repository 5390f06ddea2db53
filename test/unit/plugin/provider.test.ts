// What the plugin makes of a request of the engine.
import { expect, test } from "vitest";

import { provider } from "../../../plugin/provider.ts";
import { record } from "../../support/mocks.ts";

const MESH = "ollama-mesh:index:OllamaMesh";

test("it makes the mesh of the component, and one resource more that is deleted before the rest of it", async () => {
  const { resources, result } = await record(() =>
    provider.construct!("lab", MESH, { nodes: [{ name: "a" }] }, {}),
  );
  const [last] = resources.filter(({ type }) => type === "ollama-mesh:index:Steps");
  expect(last).toMatchObject({ name: "lab-steps", parent: `${MESH} lab`, inputs: {} });
  const others = resources.filter(
    ({ type }) => !/^(pulumi:|ollama-mesh:index:)/.test(type) && type !== last!.type,
  );
  expect(others.length).toBeGreaterThan(10);
  expect(last!.dependsOn).toEqual(
    expect.arrayContaining(others.map(({ type, name }) => `${type} ${name}`)),
  );
  expect(Object.keys(result.state)).toEqual(["endpoint", "endpoints", "nodes", "curl"]);
});

test("a resource that the package does not have is refused", () => {
  expect(() => provider.construct!("lab", "ollama-mesh:index:Mesh", {}, {})).toThrow(
    /^ollama-mesh \d+\.\d+\.\d+ has no resource ollama-mesh:index:Mesh$/,
  );
});
