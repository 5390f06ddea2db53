import { bridgeAddress } from "../behaviour/harness/docker.ts";
import { ForkedNode } from "../behaviour/harness/forked-node.ts";

/** Two nodes, each a process, that answer with so many tokens at that pace; `own` ends them. */
export async function streamingNodes(
  own: (node: ForkedNode) => ForkedNode,
  count: number,
  everyMs: number,
): Promise<ForkedNode[]> {
  const address = await bridgeAddress();
  const nodes: ForkedNode[] = [];
  for (const name of ["a", "b"]) {
    const answer = { kind: "tokens", count, everyMs } as const;
    nodes.push(own(await ForkedNode.start({ name, address, answer })));
  }
  return nodes;
}
