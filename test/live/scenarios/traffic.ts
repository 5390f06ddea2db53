// What concerns nginx alone: shares, backups, maintenance.
import { meshOf, node, type Scenario } from "../scenario.ts";

export const traffic: Scenario = {
  name: "traffic",
  about: "a weight changes, a primary becomes a backup and back, maintenance goes on and off",
  async run(live) {
    await live.planned("weight 1 to 3", meshOf(node("a", { weight: 3 }), "b", "c"), {
      touches: ["update a-admission"],
    });
    await live.planned(
      "a primary becomes a backup",
      meshOf(node("a", { weight: 3 }), node("b", { backup: true }), "c"),
      { touches: ["update b-admission"] },
    );
    await live.planned("and a primary again", meshOf(node("a", { weight: 3 }), "b", "c"), {
      touches: ["update b-admission"],
    });
    await live.planned(
      "maintenance on",
      meshOf(node("a", { weight: 3, maintenance: true }), "b", "c"),
      { touches: ["update a-admission", "update a-ready"] },
    );
    await live.planned("maintenance off", meshOf(node("a", { weight: 3 }), "b", "c"), {
      touches: ["update a-admission", "update a-ready"],
    });
  },
};
