import { restart as restartNode, type NodePlace } from "../steps/nodes/restart.ts";
import { textOption, UsageError, type Command } from "./command.ts";
import { nodeInStack } from "./node-in-stack.ts";

/** A stuck node's requests never end, a busy one's do: a few more seconds would cut the stuck ones no less. */
const DRAIN_SECONDS = 10;

/** Takes a node out, restarts its container, and lets it in again. */
export const restart: Command = {
  summary: "takes a node out of traffic, restarts it, and lets it in again",
  help: `Usage: ollama-mesh restart NODE [--drain-seconds N] [--stack STACK]

Takes a node out of traffic, restarts its container, and lets it in again when it answers with a token.
Other nodes serve on. Where it is stopped half-way, the node stays out of traffic: run it again. Run it in the folder
of the Pulumi program whose stack has the mesh.

  --drain-seconds N  for requests in flight to the node; default ${DRAIN_SECONDS}, since those of a stuck node never end
  --stack STACK      default the selected stack

  ollama-mesh restart rack1-gpu0
  ollama-mesh restart rack1-gpu0 --drain-seconds 120 --stack production
`,
  options: { "drain-seconds": { type: "string" }, stack: { type: "string" } },
  async run(given) {
    const [node, ...rest] = given.words;
    if (node === undefined || rest.length > 0) {
      throw new UsageError(`restart takes the name of one node\n\n${restart.help}`);
    }
    const seconds = textOption(given, "drain-seconds");
    if (seconds !== undefined && !/^\d{1,5}$/.test(seconds)) {
      throw new UsageError(`--drain-seconds must be a whole number of seconds, got "${seconds}"`);
    }
    const input = await nodeInStack(node, textOption(given, "stack"));
    const drainTimeoutSeconds = seconds === undefined ? DRAIN_SECONDS : Number(seconds);
    const at = ({ ready, admission }: NodePlace): NodePlace => ({
      ready,
      admission: { ...admission, drainTimeoutSeconds },
    });
    await restartNode({ ...at(input), ...(input.second ? { second: at(input.second) } : {}) });
    process.stdout.write(`node ${node} is back in traffic\n`);
    return 0;
  },
};
