// Nodes come, go and get another name.
import { meshOf, type Scenario } from "../scenario.ts";

export const nodes: Scenario = {
  name: "nodes",
  about: "a node is added, the one in the middle of the list removed, another renamed",
  async run(live) {
    await live.planned("add a node at the front of the list", meshOf("d", "a", "b", "c"), {
      touches: ["update local-preflight", "create node d"],
    });
    await live.planned("remove the node in the middle", meshOf("d", "a", "c"), {
      touches: ["update local-preflight", "delete node b"],
    });
    await live.planned("remove the last node", meshOf("d", "a"), {
      touches: ["update local-preflight", "delete node c"],
    });
    await live.planned("rename a node", meshOf("d", "e"), {
      touches: ["update local-preflight", "delete node a", "create node e"],
    });
  },
};
