// Numbers and truth values in YAML where text is wanted: told to be put in quotes.
import { expect, test } from "vitest";

import {
  messageOf,
  pathOf,
  problemsOf,
  shownPath,
  withValue,
} from "../../../support/config-problems.ts";

test.each<[string, unknown]>([
  ["nodes.0.gpus.devices.0", 0],
  ["nodes.0.gpus.groups.0", 44],
  ["nodes.0.ollama.keepAlive", -1],
  ["nodes.0.service.command.0", 2],
  ["nodes.0.service.user", 1000],
  ["nodes.0.models.0", 7],
  ["nodes.0.address", 10.1],
  ["nodes.0.image", true],
  ["models.0", 3],
  ["ollama.loadTimeout", 300],
])("%s: %j", (path, value) => {
  const found = problemsOf(withValue(pathOf(path), value)).filter(
    (problem) => problem.path === shownPath(path),
  );
  expect(found).toEqual([
    {
      path: shownPath(path),
      text: `must be text, and is a ${typeof value} without quotes; put it in quotes: "${String(value)}"`,
    },
  ]);
});

test("of what may be secret it is not shown", () => {
  const ollama = { environment: { PORT: 8080 } };
  expect(messageOf({ nodes: [{ name: "a", ollama }] })).toBe(
    "ollama-mesh: 1 problem in the configuration\n  nodes[0].ollama.environment.PORT  must be text, and is a number without quotes; put it in quotes",
  );
});

test.each([
  "nodes.0.ollama.environment.DAY",
  "nodes.0.service.environment.DAY",
  "nodes.0.service.command.0",
  "nodes.0.service.probe.body",
  "nodes.0.service.probe.expect",
  "balancer.log.options.tag",
])("%s: a day or a time, which arrives as Go writes it", (path) => {
  for (const day of ["2027-03-31 00:00:00 +0000 UTC", "2001-12-14 21:59:43.1 -0500 -0500"]) {
    const found = problemsOf(withValue(pathOf(path), day)).filter(
      (problem) => problem.path === shownPath(path),
    );
    const got = /environment|options/.test(path) ? "" : `, got ${JSON.stringify(day)}`;
    const text = `is a date in YAML; put it in quotes${got}`;
    expect(found).toEqual([{ path: shownPath(path), text }]);
  }
  const fine = problemsOf(withValue(pathOf(path), "2027-03-31"));
  expect(fine.filter((problem) => problem.path === shownPath(path))).toEqual([]);
});

test("nor of a log driver's option", () => {
  const balancer = { log: { driver: "splunk", options: { "splunk-token": 4711 } } };
  expect(messageOf({ nodes: [{ name: "a" }], balancer })).not.toContain("4711");
});

test.each([
  ["llama3@sha256:0123", "must be a model by its tag: Ollama pulls none by digest"],
  ["http://[fd00::9]:5000/team/tiny:v1", "must have its registry by name or IPv4 address"],
])("the model %s is refused with its own way out", (model, text) => {
  const [problem, ...others] = problemsOf({ nodes: [{ name: "a" }], models: [model] });
  expect(others).toEqual([]);
  expect(problem!.text).toContain(text);
});
