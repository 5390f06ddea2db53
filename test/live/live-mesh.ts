// A mesh under load, and what is done to it. Every step gives one row of the report.
import { setTimeout as pause } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";

import { until } from "../../toolchain/until.mjs";
import { containers, type Incarnation } from "../engine/support/containers.ts";
import type { Ran } from "../engine/support/pulumi.ts";
import { Stack, type StackConfig } from "../engine/support/stack.ts";
import { clients } from "./load/clients.ts";
import { LiveLoad } from "./load/live-load.ts";
import type { LoadOrder } from "./load/load-process.ts";
import { nginxErrors } from "./nginx-words.ts";
import { isClean, observe, type Observed, type Row } from "./observed.ts";
import { inOneLine, mostOut, touched } from "./touched.ts";

/** What a change must look like. */
export interface Expected {
  /** Exactly these resources, in the words of touched(). */
  touches: readonly string[];
  /** Nodes that may be out at the same time. Default 1. */
  maxOut?: number;
  /** Further arguments of `pulumi up`. */
  args?: string[];
}

/** What a change that must fail looks like. */
export interface ExpectedFailure {
  /** What the error says. */
  says: readonly (RegExp | string)[];
  /** Exactly these resources are touched before; left out where that depends on when it fails. */
  touches?: readonly string[];
}

/** What trouble is made with. */
export interface Trouble {
  load: LiveLoad;
  /** Waits for so long, with clients asking. */
  lasting(seconds: number): Promise<void>;
  /** Waits until a node answers requests that were made after now, and notes how long that took. */
  back(node: string): Promise<void>;
}

/** Answers that must be clean after a change before it counts as over. */
const ANSWERS_AFTER = 48;

/** A running mesh with clients. */
export class LiveMesh implements AsyncDisposable {
  readonly scenario: string;
  readonly stack: Stack;
  readonly rows: Row[] = [];
  /** What clients ask from the next step on. */
  order: LoadOrder;
  /** The config that is declared. */
  config: StackConfig;
  /** Looks at the containers of the mesh. Default those of this machine's engine. */
  look = (): Promise<Containers> => containers(this.mesh);
  /** Gets what is done at the moment. */
  detail: (text: string) => void = () => {};
  /** Gets each row when what clients saw is in it. */
  done: (row: Row) => void = () => {};

  private constructor(scenario: string, stack: Stack, order: LoadOrder, config: StackConfig) {
    this.scenario = scenario;
    this.stack = stack;
    this.order = order;
    this.config = config;
  }

  /**
   * Brings a mesh up.
   *
   * @param order overrides what clients ask
   */
  static async start(
    scenario: string,
    config: (stack: Stack) => Promise<StackConfig> | StackConfig,
    order: Partial<LoadOrder> = {},
  ): Promise<LiveMesh> {
    const stack = await Stack.init({});
    try {
      const first = await config(stack);
      await stack.configure(first);
      await stack.up();
      return new LiveMesh(scenario, stack, { url: stack.url, groups: clients(), ...order }, first);
    } catch (error) {
      await stack[Symbol.asyncDispose]();
      throw error;
    }
  }

  get mesh(): string {
    return this.stack.mesh;
  }

  /** A change that no client may notice. */
  async planned(what: string, config: StackConfig, expected: Expected): Promise<Changed> {
    const row = await this.costly(what, config, expected);
    if (!isClean(row)) row.problems.push(`clients saw ${JSON.stringify(row.failures)}`);
    return row;
  }

  /** A change that clients do notice: what they saw is what is to be known. */
  async costly(what: string, config: StackConfig, expected: Expected): Promise<Changed> {
    const row = await this.change(what, config, expected.args);
    const { ran, refusedSeconds, firstRefused } = row;
    if (refusedSeconds > 0) {
      const [seconds, first] = [refusedSeconds.toFixed(1), firstRefused.toFixed(1)];
      row.notes.push(`new requests failed for ${seconds} s, ${first} s after its begin`);
    }
    if (ran.code !== 0) row.problems.push(`up ended with code ${ran.code}: ${ran.errors.join()}`);
    this.compare(row, "preview", row.previewed);
    this.compare(row, "the scenario", expected.touches);
    const { maxOut = 1 } = expected;
    const out = mostOut(ran.changes);
    if (out > maxOut) row.problems.push(`${out} nodes were out at the same time, not ${maxOut}`);
    if (ran.code !== 0) throw new Error(`${what}: ${ran.output}`);
    return row;
  }

  /** A change that must fail and leave the mesh serving. */
  async failing(what: string, config: StackConfig, expected: ExpectedFailure): Promise<Changed> {
    const row = await this.change(what, config);
    const { ran } = row;
    if (ran.code === 0) row.problems.push("up succeeded");
    const words = ran.errors.join("\n");
    for (const said of expected.says) {
      if (typeof said === "string" ? words.includes(said) : said.test(words)) continue;
      row.problems.push(`the error does not say ${said}, but: ${words}`);
    }
    if (!isClean(row)) row.problems.push(`clients saw ${JSON.stringify(row.failures)}`);
    if (expected.touches) this.compare(row, "the scenario", expected.touches);
    return row;
  }

  /**
   * Something that happens to the mesh without a change.
   *
   * @param act makes the trouble, and mends it where that does not happen by itself
   */
  async trouble(what: string, act: (trouble: Trouble) => Promise<void>): Promise<Row> {
    this.detail(what);
    const before = await this.look();
    const row = await this.underLoad(what, (load, { notes }) =>
      act({
        load,
        lasting: (seconds) => pause(seconds * 1000),
        back: (node) => back(load, node, notes),
      }),
    );
    row.kept = same(before, await this.look());
    return row;
  }

  /** Adds a problem to a row unless something holds. */
  expect(row: Row, holds: boolean, problem: string): void {
    if (!holds) row.problems.push(problem);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stack[Symbol.asyncDispose]();
  }

  private async change(what: string, config: StackConfig, args: string[] = []): Promise<Changed> {
    this.detail(what);
    this.config = config;
    await this.stack.configure(config);
    const previewed = touched((await this.stack.preview(undefined, args)).changes, this.mesh);
    const before = await this.look();
    let ran: Ran | undefined;
    const row = await this.underLoad(what, async () => {
      ran = await this.stack.tryUp(...args);
    });
    row.touched = touched(ran!.changes, this.mesh);
    const after = await this.look();
    row.kept = same(before, after);
    this.requireKept(row, before, after);
    return Object.assign(row, { ran: ran!, previewed });
  }

  /** A container whose resource is not named as changed must be the same one. */
  private requireKept(row: Row, before: Containers, after: Containers): void {
    const named = new Set(row.touched.map((word) => word.split(" ").at(-1)));
    const changed = Object.keys(before).filter(
      (name) => name in after && !row.kept.includes(name) && !named.has(name),
    );
    if (changed.length > 0) row.problems.push(`other containers were changed: ${changed.join()}`);
  }

  private async underLoad(
    what: string,
    work: (load: LiveLoad, row: Row) => Promise<void>,
  ): Promise<Row> {
    const load = await LiveLoad.start(this.order);
    try {
      await load.more(ANSWERS_AFTER / 2);
      const event = Date.now();
      const row = { ...this.emptyRow(what), ...observe([], event) };
      this.rows.push(row);
      try {
        await work(load, row);
        row.seconds = (Date.now() - event) / 1000;
        await load.more(ANSWERS_AFTER);
        await load.stop();
      } finally {
        Object.assign(row, observe(load.outcomes, event));
        // It tells a node that was lost from a machine that was too busy for its nodes.
        if (!isClean(row)) row.said = await nginxErrors(`${this.mesh}-balancer`, event);
        this.done(row);
      }
      return row;
    } finally {
      await load[Symbol.asyncDispose]();
    }
  }

  private emptyRow(what: string): Omit<Row, keyof Observed> {
    const { scenario } = this;
    return { scenario, what, seconds: 0, touched: [], kept: [], said: [], notes: [], problems: [] };
  }

  private compare(row: Row, who: string, expected: readonly string[]): void {
    const wanted = [...expected].sort();
    if (isDeepStrictEqual(row.touched, wanted)) return;
    const missing = wanted.filter((word) => !row.touched.includes(word));
    const more = row.touched.filter((word) => !wanted.includes(word));
    const says = [
      ...(missing.length ? [`does not touch: ${inOneLine(missing)}`] : []),
      ...(more.length ? [`touches besides: ${inOneLine(more)}`] : []),
    ];
    row.problems.push(`against ${who}, up ${says.join("; ")}`);
  }
}

async function back(load: LiveLoad, node: string, notes: string[]): Promise<void> {
  const mended = Date.now();
  const answers = () =>
    load.outcomes.find((one) => one.node === node && one.began > mended && !one.failure);
  const first = await until(`answers of ${node}`, async () => answers(), { seconds: 120 });
  notes.push(`${node} answers again after ${((first.ended - mended) / 1000).toFixed(1)} s`);
}

type Containers = Record<string, Incarnation>;
/** A row with what pulumi said. */
export type Changed = Row & { ran: Ran; previewed: string[] };

/** Names of containers that were neither replaced nor restarted. */
function same(before: Containers, after: Containers): string[] {
  return Object.keys(before).filter((name) => isDeepStrictEqual(before[name], after[name]));
}
