// From small to large and back, and to nothing.
import { remains } from "../../engine/support/leftovers.ts";
import { clients } from "../load/clients.ts";
import { meshOf, type Scenario } from "../scenario.ts";

const FEW = ["a", "b", "c"];
const MORE = ["d", "e", "f", "g", "h", "i", "j", "k", "l"];

export const resize: Scenario = {
  name: "resize",
  about: "3 nodes, 12 nodes, 3 nodes, destroy",
  // 13 containers are enough for a small machine.
  order: { groups: clients({ long: 1 }) },
  async run(live) {
    await live.planned("3 to 12 nodes", meshOf(...FEW, ...MORE), {
      touches: made("create"),
    });
    await live.planned("12 to 3 nodes", meshOf(...FEW), {
      touches: made("delete"),
    });
    await live.stack.destroy();
    const left = await remains(live.mesh);
    const row = live.rows.at(-1)!;
    live.expect(row, left.join() === `volume ${live.mesh}-models`, `destroy left ${left.join()}`);
  },
};

const made = (op: string) => [
  "update local-preflight",
  ...MORE.map((name) => `${op} node ${name}`),
];
