import type { Stack, StackConfig } from "../engine/support/stack.ts";
import { labConfig } from "../engine/support/lab.ts";
import { LiveMesh } from "./live-mesh.ts";
import type { Row } from "./observed.ts";
import type { LoadOrder } from "./load/load-process.ts";

/** Something that is done to a mesh under load. */
export interface Scenario {
  /** As in `npm run live -- NAME`. */
  name: string;
  /** For `--list`. */
  about: string;
  /** The mesh at the beginning. Default three nodes. */
  config?: (stack: Stack) => Promise<StackConfig> | StackConfig;
  /** What clients ask, where it is not clients(). */
  order?: Partial<LoadOrder>;
  run(live: LiveMesh): Promise<void>;
  /** Removes what it needed besides the mesh. */
  after?(): Promise<void>;
}

/** What a scenario came to. */
export interface Outcome {
  rows: Row[];
  /** Why it ended early. */
  error?: Error;
}

/** Meshes of scenarios that run at the moment. */
const open = new Set<LiveMesh>();

/** Removes what there is of the meshes that scenarios have at the moment. */
export async function abandon(): Promise<void> {
  await Promise.all([...open].map((live) => live[Symbol.asyncDispose]()));
}

/**
 * Runs a scenario on a mesh of its own, which is gone afterwards.
 *
 * @param detail gets what is done at the moment
 * @param done gets each row when it is complete
 */
export async function runScenario(
  scenario: Scenario,
  detail: (text: string) => void = () => {},
  done: (row: Row) => void = () => {},
): Promise<Outcome> {
  const config = scenario.config ?? (() => meshOf("a", "b", "c"));
  let live: LiveMesh | undefined;
  try {
    detail("bringing the mesh up");
    live = await LiveMesh.start(scenario.name, config, scenario.order);
    open.add(live);
    live.detail = detail;
    live.done = done;
    await scenario.run(live);
    return { rows: live.rows };
  } catch (error) {
    return { rows: live?.rows ?? [], error: error as Error };
  } finally {
    await live?.[Symbol.asyncDispose]();
    if (live) open.delete(live);
    await scenario.after?.();
  }
}

/** A node of a scenario: half a core, so that an answer of the slow model lasts seconds and costs others nothing. */
export const node = (name: string, more: object = {}) => ({ name, cpus: 0.5, ...more });

/** Config of a mesh with such nodes. */
export const meshOf = (...nodes: (string | object)[]): StackConfig => meshWith({}, ...nodes);

/** The same, with more settings. */
export const meshWith = (more: StackConfig, ...nodes: (string | object)[]): StackConfig =>
  labConfig({
    nodes: nodes.map((each) => (typeof each === "string" ? node(each) : each)),
    ...more,
    rollout: {
      readyTimeoutSeconds: 60,
      drainTimeoutSeconds: 60,
      ...(more["rollout"] as object | undefined),
    },
  });
