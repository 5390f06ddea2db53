// A toy node in a process of its own; see forked-node.ts. It ends with its parent.
import { ToyNode, type ToyNodeOptions } from "./toy-node.ts";
import type { Answer } from "./toy-answers.ts";

/** What the parent asks. */
export type Order = { id: number } & (
  | { order: "start"; options: ToyNodeOptions }
  | { order: "answer"; answer: Answer }
  | { order: "arrivals"; since: number }
);

let node: ToyNode | undefined;

async function obey(message: Order): Promise<unknown> {
  if (message.order === "start") {
    node = await ToyNode.start(message.options);
    return node.port;
  }
  if (!node) throw new Error("not started");
  if (message.order === "answer") {
    node.answer = message.answer;
    return undefined;
  }
  return node.requests.filter(({ at }) => at >= message.since).map(({ at }) => at);
}

process.on("message", (message: Order) => {
  void obey(message).then((result) => process.send?.({ id: message.id, result }));
});
process.on("disconnect", () => process.exit());
