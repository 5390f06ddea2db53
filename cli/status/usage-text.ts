import type { MeshUsage, Used } from "../../templates/status/mesh-usage.ts";
import type { AskedUsage } from "./ask-status.ts";
import { columns } from "./status-text.ts";

/** What a terminal shows of what API keys have used: of all balancers together, and who did not answer first. */
export function usageText(asked: readonly AskedUsage[]): string[] {
  const told = asked.flatMap(({ usage }) => usage ?? []);
  const silent = asked.flatMap(({ balancer, error }) => (error ? `${balancer}: ${error}` : []));
  if (told.length === 0) return silent;
  const days = [...new Set(told.flatMap(({ days: each }) => Object.keys(each)))].sort();
  return [
    ...silent,
    ...columns([KEY_HEADS, ...keyRows(told)]),
    "",
    ...columns([DAY_HEADS, ...days.flatMap((day) => dayRows(day, told))]),
  ];
}

const KEY_HEADS = ["KEY", "REQUESTS TODAY", "TOKENS TODAY", "MODELS", "EXPIRES"];
const DAY_HEADS = [
  "DAY (UTC)",
  "KEY",
  "MODEL",
  "REQUESTS",
  "PROMPT TOKENS",
  "ANSWER TOKENS",
  "ESTIMATED",
];

function keyRows(told: readonly MeshUsage[]): string[][] {
  const byKey = Map.groupBy(
    told.flatMap(({ today }) => today),
    ({ key }) => key,
  );
  return [...byKey].map(([key, all]) => {
    const { models, expires, requestsPerDay, tokensPerDay } = all[0]!;
    const requests = all.reduce((sum, one) => sum + one.requests, 0);
    const tokens = all.reduce((sum, one) => sum + one.tokens, 0);
    return [
      key,
      of(requests, requestsPerDay, all.length),
      of(tokens, tokensPerDay, all.length),
      models?.join(", ") ?? "all",
      expires ?? "-",
    ];
  });
}

/** Each balancer keeps a limit for itself. */
const of = (used: number, limit: number | undefined, balancers: number): string =>
  limit === undefined ? `${used}` : `${used} of ${balancers > 1 ? `${balancers} x ` : ""}${limit}`;

function dayRows(day: string, told: readonly MeshUsage[]): string[][] {
  const byPair = Map.groupBy(
    told.flatMap(({ days }) => days[day] ?? []),
    ({ key, model }) => `${key} ${model}`,
  );
  const total = (all: readonly Used[], field: Exclude<keyof Used, "key" | "model">) =>
    `${all.reduce((sum, one) => sum + one[field], 0)}`;
  return [...byPair.keys()].sort().map((pair) => {
    const all = byPair.get(pair)!;
    return [
      day,
      all[0]!.key,
      all[0]!.model || "-",
      total(all, "requests"),
      total(all, "promptTokens"),
      total(all, "answerTokens"),
      total(all, "estimated"),
    ];
  });
}
