import { createHash } from "node:crypto";
import type { AdmittedNode } from "../../templates/admitted-servers.ts";

/** What the config is made of. Kept in the volume beside the config itself. */
export interface MeshState {
  /** What the stack declares, but for the server lines. */
  base: string;
  /** Which set of secret files lies beside nginx.conf; empty for none. See keepSecrets. */
  secrets: string;
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
