// Who asks a mesh while something is done to it.
import { model } from "../../engine/support/lab.ts";
import type { ClientGroup } from "./load-process.ts";

/** Short streams, whole answers, and a few long streams for a change to break. */
export const clients = (over: Partial<Record<"short" | "whole" | "long", number>> = {}) => {
  const { short = 8, whole = 4, long = 2 } = over;
  const common = { deadlineSeconds: 60, tokens: SHORT_TOKENS, everySeconds: 1 };
  const groups: ClientGroup[] = [
    { ...common, clients: short, model: model(), stream: true },
    { ...common, clients: whole, model: model(), stream: false },
    { ...common, clients: long, model: longModel(), stream: true, tokens: 60, everySeconds: 3 },
  ];
  return groups.filter((group) => group.clients > 0);
};

/** The same with other long streams. */
export const withLong = (
  groups: readonly ClientGroup[],
  over: Partial<ClientGroup>,
): ClientGroup[] =>
  groups.map((group) => (group.tokens > SHORT_TOKENS ? { ...group, ...over } : group));

/** Of all answers but the long streams. */
const SHORT_TOKENS = 16;

/** A model that is slow enough to be met in the middle of an answer: the lab's own, else the real one. */
const longModel = () => (model() === "tiny" ? "slow" : model());
