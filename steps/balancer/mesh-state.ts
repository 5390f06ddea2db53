import { createHash } from "node:crypto";
import { withServers, type AdmittedNode } from "../../templates/admitted-servers.ts";
import type { Router } from "../../templates/router-data.ts";

/** What the config is made of. Kept in the volume beside the config itself. */
export interface MeshState {
  /** What the stack declares, but for the server lines. */
  base: string;
  /** Which set of secret files lies beside nginx.conf; empty for none. See keepSecrets. */
  secrets: string;
  /** The program that says where requests go; absent where nginx chooses by itself. */
  router?: Router;
  /** The admitted nodes by name. */
  servers: Record<string, AdmittedNode>;
  /** Managed nodes that were admitted and are still declared: one without a line is out. */
  expected: string[];
  /** Hash of the rest, by which a change by hand is told from one by a step. */
  seal?: string;
}

export const EMPTY: MeshState = { base: "", secrets: "", servers: {}, expected: [] };

/** The mesh's state as mesh.json holds it; that of an empty mesh where somebody made it unreadable. */
export function parseState(text: string): MeshState {
  let found: Partial<MeshState> = {};
  try {
    found = JSON.parse(text || "{}") as Partial<MeshState>;
  } catch {
    // the steps that a program runs again write it anew
  }
  return { ...EMPTY, ...found };
}

/** Whether it is as a step wrote it. */
export const isSealed = (state: MeshState): boolean => state.seal === sealOf(state);

const sealOf = ({ seal: _, ...rest }: MeshState): string =>
  createHash("sha256").update(JSON.stringify(rest)).digest("hex");

/** What is written into mesh.json. */
export const seal = (state: MeshState): string => JSON.stringify({ ...state, seal: sealOf(state) });

/** What the balancer has at the moment. */
export interface ObservedMesh {
  state: MeshState;
  /** Whether mesh.json is as a step wrote it. */
  sealed: boolean;
  /** What is wrong with the config that serves, if anything. */
  wrong?: string;
  /** Whether nginx is down, and the front serves by one of its own: see front/keep-ports.pl. */
  alone: boolean;
}

/** Reads what observe.sh printed. */
export function parseObserved(printed: string): ObservedMesh {
  const [json = "", digest = "", served = "", alone = ""] = printed.split("\n");
  const state = parseState(json);
  const { conf, hash } = withServers(state.base, state.servers, state.secrets, state.router);
  const ours = createHash("sha256").update(conf).digest("hex");
  const wrong =
    digest !== ours
      ? "nginx.conf in the config volume was changed by hand"
      : served !== hash
        ? `nginx serves with ${served ? "another config" : "no config"}`
        : undefined;
  return {
    state,
    sealed: isSealed(state),
    alone: alone === "alone",
    ...(wrong === undefined ? {} : { wrong }),
  };
}
