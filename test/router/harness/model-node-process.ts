// A node with models in a process of its own; see forked-model-node.ts. It ends with its parent.
import { ModelNode, type ModelNodeOptions } from "./model-node.ts";

let node: ModelNode | undefined;

process.on("message", (options: ModelNodeOptions) => {
  void ModelNode.start(options).then((started) => {
    node = started;
    process.send?.(node.port);
  });
});
process.on("disconnect", () => process.exit());
