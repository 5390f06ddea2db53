// What is said of a configuration with mistakes: all of them at once, in the house form, and never a secret.
import fc from "fast-check";
import { expect, test } from "vitest";

import { messageOf } from "../../support/config-problems.ts";

test("ten mistakes make one error with exactly ten lines, sorted, in one column", () => {
  const nodes: object[] = Array.from({ length: 11 }, (_, i) => ({ name: `n${i}` }));
  nodes[2] = { name: "n2", port: 70000, gpuz: 1, address: "a b" };
  nodes[10] = { name: "N10", weight: 0, backup: "yes" };
  const message = messageOf({
    nodes,
    models: ["-x"],
    balancer: { workers: 0, subnet: "10.0.0.0/8" },
    rollout: { warmUp: 1 },
  });
  expect(message).toBe(
    [
      "ollama-mesh: 10 problems in the configuration",
      '  balancer.subnet   must be an IPv4 network of /16 to /24 as "10.90.16.0/20", got "10.0.0.0/8"',
      "  balancer.workers  must be a whole number, 1-256, got 0",
      '  models[0]         must be a model as "llama3.2:3b", got "-x"',
      '  nodes[2].address  must be an IP address or host name, without scheme or port, got "a b"',
      '  nodes[2].gpuz     is not a setting; did you mean "gpus"?',
      "  nodes[2].port     must be a whole number, 1-65535, got 70000",
      '  nodes[10].backup  must be true or false, got "yes"',
      '  nodes[10].name    must be lower-case letters, digits and "-", up to 40, got "N10"',
      "  nodes[10].weight  must be a whole number, 1-1000, got 0",
      "  rollout.warmUp    must be true or false, got 1",
    ].join("\n"),
  );
});

test("no value of `environment` is ever shown, wherever it was put", () => {
  const secret = "hunter2";
  const environment = { TOKEN: secret };
  const inputs: unknown[] = [
    { nodes: [{ name: "a", environment }] },
    { nodes: [{ name: "a", ollama: environment }] },
    { nodes: [{ name: "a", ollama: [{ environment }] }] },
    { nodes: [{ name: "a", ollama: { environment: [secret] } }] },
    { nodes: [{ name: "a", ollama: { environment: secret } }] },
    { nodes: [{ name: "a", ollama: { environment: { TOKEN: { value: secret } } } }] },
    { nodes: [{ name: "a", ollama: { environment: { TOKEN: [secret] } } }] },
    { nodes: { name: "a", ollama: { environment } } },
    { nodes: [[{ name: "a", ollama: { environment } }]] },
    { nodes: [{ name: "a" }], ollama: { environment: [{ TOKEN: secret }] } },
    [{ name: "a", ollama: { environment } }],
  ];
  for (const input of inputs) {
    const message = messageOf(input);
    expect(message, JSON.stringify(input)).toMatch(/^ollama-mesh: 1 problem/);
    expect(message).not.toContain(secret);
  }
});

test("whatever is given, there is a config or an error of the house form", () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (node, balancer) => {
      const message = messageOf({ nodes: [{ name: "a" }, node], balancer });
      const [head, ...lines] = message.split("\n");
      if (message === "") return;
      expect(head).toMatch(/^ollama-mesh: \d+ problems? in the configuration$/);
      expect(lines.every((line) => /^ {2}\S/.test(line))).toBe(true);
    }),
    { numRuns: 300 },
  );
});
