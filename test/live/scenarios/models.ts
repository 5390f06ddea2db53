// Models come and go while nodes serve.
import { run } from "../../../toolchain/command.mjs";
import { model, ollamaImage } from "../../engine/support/lab.ts";
import { canonicalModel } from "../../../steps/models/model-store.ts";
import { meshWith, type Scenario } from "../scenario.ts";
import { toyRegistry } from "../toy-registry.ts";

const NODES = ["a", "b", "c"];
const TOUCHED = [
  "update local-preflight",
  "update local-models",
  ...NODES.map((name) => `update ${name}-ready`),
];

export const models: Scenario = {
  name: "models",
  about: "a model is added: downloaded while the nodes serve; and removed: kept on disk",
  async run(live) {
    const registry = await toyRegistry(ollamaImage());
    try {
      const added = registry.model(model());
      const has = async () => {
        const list = await run("docker", ["exec", `${live.mesh}-b`, "ollama", "list"]);
        return list.includes(canonicalModel(added));
      };
      const more = meshWith({ models: [model(), added] }, ...NODES);
      const row = await live.planned("add a model", more, { touches: TOUCHED });
      live.expect(row, await has(), `b does not have ${added}`);
      const gone = await live.planned("remove it", meshWith({}, ...NODES), { touches: TOUCHED });
      live.expect(gone, await has(), "it is no longer on disk");
    } finally {
      await registry.close();
    }
  },
};
