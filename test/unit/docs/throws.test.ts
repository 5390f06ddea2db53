// An exported function that throws says so: its callers read its docstring, not its body.
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";

import ts from "typescript";
import { expect, test } from "vitest";

const ROOT = join(import.meta.dirname, "../../..");
const FILES = globSync("{config,plan,templates,steps,components}/**/*.ts", { cwd: ROOT }).sort();

test("every exported function with a throw in it has @throws in its docstring", () => {
  const silent = FILES.flatMap((file) => {
    const text = readFileSync(join(ROOT, file), "utf8");
    const { statements } = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
    return statements
      .filter(isExported)
      .flatMap((statement) =>
        throws(statement) && !/@throws|\bthrows\b/i.test(docOf(statement))
          ? [`${file}: ${nameOf(statement)}`]
          : [],
      );
  });
  expect(silent).toEqual([]);
});

const isExported = (node: ts.Statement): boolean =>
  ts.canHaveModifiers(node) &&
  (ts.getModifiers(node) ?? []).some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword);

/** Whether it throws by itself; what is caught and thrown on is the other's. */
function throws(node: ts.Node): boolean {
  if (ts.isClassDeclaration(node)) return false;
  if (ts.isThrowStatement(node)) return ts.isNewExpression(node.expression);
  return ts.forEachChild(node, (child) => throws(child) || undefined) ?? false;
}

const docOf = (node: ts.Node) =>
  ts
    .getJSDocCommentsAndTags(node)
    .map((each) => each.getText())
    .join("\n");

function nameOf(node: ts.Statement): string {
  if (ts.isVariableStatement(node)) return node.declarationList.declarations[0]!.name.getText();
  return ts.isFunctionDeclaration(node)
    ? (node.name?.text ?? "default")
    : node.getText().slice(0, 40);
}
