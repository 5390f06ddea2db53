// More clients than the nodes have places, for as long as one likes: nobody may be held for hanging.
import { run } from "../../../toolchain/command.mjs";
import { model } from "../../engine/support/lab.ts";
import { meshWith, node, type Scenario } from "../scenario.ts";

/** `MESH_LIVE_MINUTES=60 npm run live -- full-load` is the hour that README speaks of. */
const MINUTES = Number(process.env["MESH_LIVE_MINUTES"] ?? 3);
/** Two nodes have four places. A quarter of a core each: answers take seconds, and most of the time somebody waits. */
const CLIENTS = 10;

export const fullLoad: Scenario = {
  name: "full-load",
  about: `more clients than places for ${MINUTES} minutes (MESH_LIVE_MINUTES): no node restarts`,
  config: () =>
    meshWith(
      { balancer: { queue: { longestWaitSeconds: 900 } } },
      node("a", SLOW),
      node("b", SLOW),
    ),
  order: {
    groups: [
      { clients: CLIENTS, model: model() === "tiny" ? "slow" : model(), stream: true },
      { clients: 2, model: model() === "tiny" ? "slow" : model(), stream: false },
    ].map((group) => ({ ...group, tokens: 20, everySeconds: 0.1, deadlineSeconds: 900 })),
  },
  async run(live) {
    const row = await live.trouble(`all places taken for ${MINUTES} minutes`, ({ lasting }) =>
      lasting(MINUTES * 60),
    );
    for (const name of ["a", "b"]) {
      const count = await run("docker", [
        ...["inspect", "--format", "{{.RestartCount}}", `${live.mesh}-${name}`],
      ]);
      live.expect(row, count.trim() === "0", `${name} restarted ${count.trim()} times`);
    }
  },
};

const SLOW = { cpus: 0.25 };
