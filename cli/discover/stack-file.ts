import type { Proposal } from "./proposal.ts";

/** A stack file with what was proposed, for a person to read. */
export function stackFile({ nodes, models, balancer, remarks }: Proposal): string {
  const lines = [
    "# Found by ollama-mesh discover; look it over. Weights are left out: the balancer measures how fast each node is",
    "# (README, How requests are balanced).",
    ...remarks.flatMap((remark) => remark.split("\n").map((line) => `# ${line}`)),
    "config:",
    "  ollama-mesh:nodes:",
    ...nodes.map(({ node, why }) => `    - ${flow(node)} # ${why}`),
    ...(models.length > 0
      ? ["  # What every Ollama that was found has.", `  ollama-mesh:models: ${flow(models)}`]
      : ['  # ollama-mesh:models: ["llama3.2:3b"]']),
    ...(balancer === undefined
      ? []
      : [
          "  ollama-mesh:balancer:",
          `    host: ${flow(balancer)}`,
          "    # Clients on other machines need this; read the README's Security first.",
          "    # listen: { address: 0.0.0.0 }",
        ]),
  ];
  return `${lines.join("\n")}\n`;
}

/** YAML in one line. JSON is YAML, but for people names of keys and simple words stand without quotes. */
function flow(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(flow).join(", ")}]`;
  if (typeof value === "object" && value !== null) {
    const pairs = Object.entries(value).map(([key, inner]) => `${key}: ${flow(inner)}`);
    return `{ ${pairs.join(", ")} }`;
  }
  const isWord = typeof value === "string" && /^[a-z][\w-]*$/i.test(value);
  const isTaken = /^(true|false|yes|no|on|off|null|y|n)$/i.test(String(value));
  return isWord && !isTaken ? value : JSON.stringify(value);
}
