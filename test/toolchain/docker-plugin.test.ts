// Our build of the docker plugin derives its property names from upstream's; the npm package has them in its typings.
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

import ts from "typescript";
import { beforeEach, describe, expect, it } from "vitest";

import { run } from "../../toolchain/command.mjs";
import { pluginInPlace, requireOurs } from "./plugin-in-place.ts";

const TYPINGS = join(import.meta.dirname, "../../node_modules/@pulumi/docker");

/** Resources of the npm package that upstream does not have: Pulumi's own image build. */
const NOT_UPSTREAM = ["Image"];

const parse = (file: string) =>
  ts.createSourceFile(file, readFileSync(join(TYPINGS, file), "utf8"), ts.ScriptTarget.Latest);

const interfacesOf = (file: string) =>
  new Map(
    parse(file)
      .statements.filter(ts.isInterfaceDeclaration)
      .map((one) => [one.name.text, one]),
  );

/** The interfaces of nested objects, which lie in a namespace-free file of their own. */
const nested = interfacesOf("types/input.d.ts");

const isUndefined = (type: ts.TypeNode) => type.kind === ts.SyntaxKind.UndefinedKeyword;

/** The paths of all properties below one type: "ports[].internal", "sysctls{}". */
function pathsOfType(path: string, type: ts.TypeNode): string[] {
  if (ts.isUnionTypeNode(type)) {
    const [only] = type.types.filter((one) => !isUndefined(one));
    return only ? pathsOfType(path, only) : [path];
  }
  if (ts.isArrayTypeNode(type)) return pathsOfType(`${path}[]`, type.elementType);
  if (ts.isTypeLiteralNode(type)) return [`${path}{}`];
  if (!ts.isTypeReferenceNode(type)) return [path];
  const name = ts.isQualifiedName(type.typeName) ? type.typeName.right.text : type.typeName.text;
  if (name === "Input" && type.typeArguments?.[0]) return pathsOfType(path, type.typeArguments[0]);
  const object = nested.get(name);
  return object ? pathsOfInterface(`${path}.`, object) : [path];
}

function pathsOfInterface(prefix: string, declared: ts.InterfaceDeclaration): string[] {
  return declared.members
    .filter(ts.isPropertySignature)
    .flatMap(({ name, type }) =>
      ts.isIdentifier(name) && type ? pathsOfType(`${prefix}${name.text}`, type) : [],
    );
}

/** What the npm package names, by the resource's token. */
function namesOfTypings(): Record<string, string[]> {
  const names: Record<string, string[]> = {};
  const provider = interfacesOf("provider.d.ts").get("ProviderArgs");
  if (provider) names["provider"] = pathsOfInterface("", provider).sort();
  for (const file of readdirSync(TYPINGS).filter((one) => one.endsWith(".d.ts"))) {
    for (const [name, declared] of interfacesOf(file)) {
      const resource = /^(\w+)State$/.exec(name)?.[1];
      if (!resource || NOT_UPSTREAM.includes(resource)) continue;
      const token = `docker:index/${resource.charAt(0).toLowerCase()}${resource.slice(1)}:${resource}`;
      names[token] = pathsOfInterface("", declared).sort();
    }
  }
  return names;
}

const plugin = await pluginInPlace("docker");

describe("our build of the docker plugin", () => {
  beforeEach((context) => requireOurs(plugin, context));

  it("says in its version line what it is", async () => {
    expect(await run(plugin.file, ["--version"])).toBe(
      "5.2.0 (ollama-mesh's own build of the docker plugin, used only where the official one cannot be downloaded)\n",
    );
  });

  it("knows every property that the npm package sends, nested ones too", async () => {
    const own: Record<string, string[]> = JSON.parse(await run(plugin.file, ["--names"]));
    const typings = namesOfTypings();
    expect(Object.keys(typings)).toHaveLength(12);
    expect(Object.keys(own).sort()).toEqual(Object.keys(typings).sort());
    const unknown = Object.entries(typings).flatMap(([token, names]) =>
      names.filter((name) => !own[token]?.includes(name)).map((name) => `${token} ${name}`),
    );
    expect(unknown).toEqual([]);
  });
});
