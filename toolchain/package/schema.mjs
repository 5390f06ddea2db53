// What Python, Go, YAML and the rest see of the package: Pulumi's schema, inferred from the arguments and their docstrings.
import { readFileSync } from "node:fs";
import { join } from "node:path";

import {
  ComponentProvider,
  getPulumiComponents,
} from "@pulumi/pulumi/provider/experimental/index.js";
import { format } from "prettier";
import { z } from "zod";

import * as components from "../../components/index.ts";
import { meshSchema } from "../../config/schema/mesh-schema.ts";

const ROOT = join(import.meta.dirname, "..", "..");

/** Where the schema lies, which the plugin reads. */
export const SCHEMA_FILE = join(ROOT, "schema.json");

const MESH = "ollama-mesh:index:OllamaMesh";

/** What a docstring says of a value that is never to be read in a state. */
const SECRET = /\bkept secret in the state\b/;

/**
 * @typedef {{
 *   type?: string,
 *   $ref?: string,
 *   description?: string,
 *   secret?: boolean,
 *   plain?: boolean,
 *   optional?: boolean,
 *   items?: Property,
 *   additionalProperties?: Property,
 * }} Property
 *
 * @typedef {{
 *   description?: string,
 *   properties?: Record<string, Property>,
 *   required?: string[],
 *   enum?: {name: string, value: string, description?: string}[],
 * }} ObjectType
 *
 * @typedef {ObjectType & {inputProperties: Record<string, Property>, requiredInputs: string[]}} Resource
 *
 * @typedef {{
 *   name: string,
 *   version: string,
 *   types: Record<string, ObjectType>,
 *   resources: Record<string, Resource>,
 *   [more: string]: unknown,
 * }} Schema
 *
 * @typedef {{type?: string, properties?: Record<string, JsonType>, items?: JsonType}} JsonType of JSON Schema
 */

/** @returns {Promise<Schema>} */
export async function packageSchema() {
  const provider = new ComponentProvider({
    components: getPulumiComponents(components),
    dirname: ROOT,
    name: "ollama-mesh",
  });
  const inferred = /** @type {Schema} */ (JSON.parse(await provider.getSchema()));
  const mesh = inferred.resources[MESH];
  if (!mesh) throw new Error(`${MESH} is not exported by components/index.ts`);
  const limits = z.toJSONSchema(meshSchema, { unrepresentable: "any", io: "input" });
  markWholeNumbers(mesh.inputProperties, /** @type {JsonType} */ (limits), inferred.types);
  for (const { properties } of Object.values(inferred.types)) markSecrets(properties ?? {});
  return { ...readable(inferred), ...metadata() };
}

/**
 * The text of the file.
 *
 * @param {Schema} schema
 */
export function schemaText(schema) {
  return format(JSON.stringify(schema), { parser: "json", printWidth: 100 });
}

/**
 * TypeScript has one kind of number. Which are whole is what the checks of the arguments say.
 *
 * @param {Record<string, Property>} properties
 * @param {JsonType} checked
 * @param {Record<string, ObjectType>} types
 */
function markWholeNumbers(properties, checked, types) {
  for (const [key, property] of Object.entries(properties)) {
    const limits = checked.properties?.[key];
    if (!limits) throw new Error(`${key} is in the arguments' interface, but not in its checks`);
    const [one, its] =
      property.items && limits.items ? [property.items, limits.items] : [property, limits];
    if (one.type === "number" && its.type === "integer") one.type = "integer";
    const inner = types[one.$ref?.replace("#/types/", "") ?? ""]?.properties;
    if (inner) markWholeNumbers(inner, its, types);
  }
}

/** @param {Record<string, Property>} properties */
function markSecrets(properties) {
  for (const property of Object.values(properties)) {
    if (SECRET.test(property.description ?? "")) property.secret = true;
  }
}

/**
 * Without "Args" at the end of a type's name: each language adds that by itself, and would write NodeArgsArgs.
 *
 * @param {Schema} schema
 * @returns {Schema}
 */
function readable(schema) {
  return JSON.parse(JSON.stringify(schema).replace(/(ollama-mesh:index:\w+?)Args"/g, '$1"'));
}

/** What the registry shows, and names that do not depend on how the package was installed. */
function metadata() {
  const { version, description, homepage, repository, license, keywords } = JSON.parse(
    readFileSync(join(ROOT, "package.json"), "utf8"),
  );
  const url = repository.url.replace(/^git\+|\.git$/g, "");
  const [host, owner, name] = url.replace("https://", "").split("/");
  return {
    version,
    displayName: "Ollama Mesh",
    description,
    publisher: owner,
    namespace: owner,
    homepage,
    repository: url,
    logoUrl: `https://raw.githubusercontent.com/${owner}/${name}/main/docs/logo.svg`,
    license,
    keywords: [...keywords, "category/infrastructure", "kind/component"],
    pluginDownloadURL: `git://${host}/${owner}/${name}`,
    language: {
      csharp: { rootNamespace: "Pulumi", respectSchemaVersion: true },
      go: {
        importBasePath: `${host}/${owner}/${name}/sdk/go/ollamamesh`,
        respectSchemaVersion: true,
      },
      java: { basePackage: "com.pulumi", respectSchemaVersion: true },
      nodejs: { respectSchemaVersion: true },
      python: {
        packageName: "pulumi_ollama_mesh",
        pyproject: { enabled: true },
        respectSchemaVersion: true,
      },
    },
  };
}
