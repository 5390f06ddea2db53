import type { FoundMachine } from "./machine.ts";

/** A machine that was named before, by another name. */
export interface Twin {
  machine: FoundMachine;
  /** Endpoint that it was named by first. */
  first: string;
}

/** Machines once each, by the name that comes first, and those that are one of them again. */
export function onceEach(machines: readonly FoundMachine[]): {
  once: FoundMachine[];
  twins: Twin[];
} {
  const firsts = new Map<string, string>();
  const once: FoundMachine[] = [];
  const twins: Twin[] = [];
  for (const machine of machines) {
    const marks = marksOf(machine);
    const first = marks.flatMap((mark) => firsts.get(mark) ?? [])[0];
    if (first === undefined) once.push(machine);
    else twins.push({ machine, first });
    for (const mark of marks) firsts.set(mark, first ?? machine.endpoint);
  }
  return { once, twins };
}

/** Two sshd behind one address are two machines; an Ollama there is one. */
const marksOf = ({ engine, open, address }: FoundMachine): string[] =>
  [engine ? `engine ${engine}` : [], open && address ? `Ollama ${address}` : []].flat();
