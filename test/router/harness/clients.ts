import { type Answered, BrokenAnswer, nodeOf } from "../../behaviour/harness/client.ts";
import type { ForkedModelNode } from "./forked-model-node.ts";
import type { RoutedMesh } from "./routed-mesh.ts";

/** A request of a load: when it was made, and by whom it was answered, if it was. */
interface Made {
  at: number;
  /** When it was over, however it ended. */
  ended?: number;
  node?: string;
  failed?: string;
  /** Whether it broke off within its answer, of which a token had come. */
  broken?: true;
}

/** Clients that ask again and again until they are stopped; who is stuck by then has no node. */
export function clients(
  mesh: RoutedMesh | RoutedMesh<ForkedModelNode>,
  count: number,
  headers: Record<string, string> = {},
): { made: Made[]; stop: () => Promise<void> } {
  const made: Made[] = [];
  const leave = new AbortController();
  let stopped = false;
  const all = Array.from({ length: count }, async () => {
    while (!stopped) {
      const one: Made = { at: Date.now() };
      made.push(one);
      try {
        const answer: Answered = await mesh.chat("m", {
          tokens: 10,
          signal: leave.signal,
          headers,
        });
        one.node = nodeOf(answer);
        if (answer.status !== 200) one.failed = String(answer.status);
      } catch (error) {
        if (!(error instanceof BrokenAnswer)) throw error;
        if (!stopped) {
          one.failed = error.code;
          if (error.text !== "") one.broken = true;
        }
      }
      one.ended = Date.now();
    }
  });
  return {
    made,
    stop: async () => {
      stopped = true;
      leave.abort();
      await Promise.all(all);
    },
  };
}
