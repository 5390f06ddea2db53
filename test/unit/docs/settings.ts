// What the source text of the arguments says: every interface, its properties, their docstrings and defaults.
import { readFileSync } from "node:fs";
import { join } from "node:path";

import ts from "typescript";

export const ROOT = join(import.meta.dirname, "../../..");

/** A file of the repository as text. */
export const read = (file: string) => readFileSync(join(ROOT, file), "utf8");

/** One argument. */
export interface Property {
  key: string;
  optional: boolean;
  type: string;
  doc: string;
}

const STATEMENTS = ["node-args.ts", "balancer-args.ts", "mesh-args.ts"].flatMap((file) => {
  const text = read(`config/${file}`);
  return [...ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true).statements];
});

const docOf = (node: ts.Node) =>
  ts
    .getJSDocCommentsAndTags(node)
    .map(({ comment }) => ts.getTextOfJSDocComment(comment) ?? "")
    .join(" ")
    .replace(/\s+/g, " ");

/** Every interface of the arguments by name. */
export const INTERFACES: ReadonlyMap<string, Property[]> = new Map(
  STATEMENTS.filter(ts.isInterfaceDeclaration).map((node) => [
    node.name.text,
    node.members.filter(ts.isPropertySignature).map((member) => ({
      key: member.name.getText(),
      optional: member.questionToken !== undefined,
      type: (member.type?.getText() ?? "").replace(/^pulumi\.Input<(.*)>$/, "$1"),
      doc: docOf(member),
    })),
  ]),
);

/** The values of every constant that is also a type: `export const Algorithm = { LeastConn: "least_conn" } as const`. */
const CHOICES: ReadonlyMap<string, string[]> = new Map(
  STATEMENTS.filter(ts.isVariableStatement)
    .flatMap(({ declarationList }) => [...declarationList.declarations])
    .map((declaration) => [
      declaration.name.getText(),
      [...(declaration.initializer?.getText() ?? "").matchAll(/: "(\w+)"/g)].map(
        (each) => each[1]!,
      ),
    ]),
);

/** One setting by its path in a stack file, such as `balancer.listen.port` or `nodes[].name`. */
export type Setting = Property & { path: string };

/** Every setting; what only holds others is none, but for the two that hold nodes and a node's own Ollama settings. */
export function settings(name = "OllamaMeshArgs", path = ""): Setting[] {
  return INTERFACES.get(name)!.flatMap((property) => {
    const own = { ...property, path: `${path}${property.key}` };
    const list = /^(\w+)\[\]$/.exec(property.type)?.[1];
    const inner = list ?? property.type;
    if (!INTERFACES.has(inner) || own.path === "nodes[].ollama") return [own];
    return [...(list ? [own] : []), ...settings(inner, `${own.path}${list ? "[]" : ""}.`)];
  });
}

/** The value that a docstring gives as the default, as the README writes it; undefined where it only describes one. */
export function literalDefault({ type, doc }: Pick<Property, "type" | "doc">): string | undefined {
  const said = /\bDefault:? (.*)$/.exec(doc)?.[1] ?? "";
  if (type === "number") return /^\d+/.exec(said)?.[0];
  if (type === "boolean") return /^(true|false)\b/.exec(said)?.[0];
  const list = /^\[.*?\]/.exec(said)?.[0];
  if (list) return (JSON.parse(list) as string[]).join(", ");
  if (type.endsWith("[]")) return undefined;
  const quoted = /^"([^"]*)"/.exec(said)?.[1];
  if (quoted !== undefined) return quoted;
  const word = /^\S*[^\s".,:;]/.exec(said)?.[0] ?? "";
  const isAddress = /^(\w+:\/\/|\d+\.\d+)/.test(word);
  return isAddress || CHOICES.get(type)?.includes(word) ? word : undefined;
}
