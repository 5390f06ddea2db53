import { z } from "zod";
import { type Problem, dotPath, nearest, show } from "../problems.ts";
import { meshSchema } from "./mesh-schema.ts";

/** Fields whose value is never shown, nor what is inside: a key may stand in the wrong place. */
const SECRET_FIELDS = new Set<PropertyKey>(["environment", "apiKeys", "tls"]);

/** What zod found, in the house form: with the value, but never one that may be a secret. */
export function fieldProblems(error: z.ZodError, input: unknown): Problem[] {
  return error.issues.flatMap((issue): Problem[] => {
    const path = dotPath(issue.path);
    if (issue.code === "unrecognized_keys") {
      return issue.keys.map((key) => {
        const meant = nearest(key, knownKeys(issue.path));
        const hint = meant ? `; did you mean "${meant}"?` : "";
        return { path: dotPath([...issue.path, key]), text: `is not a setting${hint}` };
      });
    }
    if (issue.code === "invalid_key") return [{ path, text: issue.issues[0]!.message }];
    const value = issue.path.reduce<unknown>((at, key) => (at as never)?.[key], input);
    if (value === undefined && issue.code === "invalid_type") {
      return [{ path: path || "mesh", text: `is missing; it ${issue.message}` }];
    }
    const secret = issue.path.some((part) => SECRET_FIELDS.has(part));
    return [
      { path: path || "mesh", text: `${issue.message}${secret ? "" : `, got ${show(value)}`}` },
    ];
  });
}

/** The keys that the schema knows at a path. */
function knownKeys(path: readonly PropertyKey[]): string[] {
  let at: unknown = meshSchema;
  for (const part of path) {
    while (at instanceof z.ZodExactOptional) at = at.unwrap();
    at =
      at instanceof z.ZodArray
        ? at.element
        : at instanceof z.ZodObject
          ? at.shape[part as string]
          : undefined;
  }
  while (at instanceof z.ZodExactOptional) at = at.unwrap();
  return at instanceof z.ZodObject ? Object.keys(at.shape) : [];
}
