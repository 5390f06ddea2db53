import { z } from "zod";
import { type Problem, dotPath, nearest, show } from "../problems.ts";
import { meshSchema } from "./mesh-schema.ts";

/** Fields whose value is never shown, nor what is inside: a key may stand in the wrong place. */
const SECRET_FIELDS = new Set<PropertyKey>([
  "environment",
  "apiKeys",
  "apiKey",
  "tls",
  "caCertificate",
  "webhook",
  "options",
]);

// Version 0.1.0 had names that end in MiB and GiB, which Python spells memory_mi_b.
/** What zod found, in the house form: with the value, but never one that may be a secret. */
export function fieldProblems(error: z.ZodError, input: unknown): Problem[] {
  return error.issues.flatMap((issue): Problem[] => {
    const path = dotPath(issue.path);
    if (issue.code === "unrecognized_keys") {
      return issue.keys.map((key) => {
        const known = knownKeys(issue.path);
        const path = dotPath([...issue.path, key]);
        const renamed = key.replace(/(?<=[MG])iB$/, "ib");
        if (renamed !== key && known.includes(renamed)) {
          return { path, text: `is now called "${renamed}"; write it so` };
        }
        const meant = nearest(key, known);
        if (meant) return { path, text: `is not a setting; did you mean "${meant}"?` };
        const isPath = issue.path.length === 0 && /[.[]/.test(key);
        const hint = isPath ? "; one inside another needs pulumi config set --path" : "";
        return { path, text: `is not a setting${hint}` };
      });
    }
    if (issue.code === "invalid_key") return [{ path, text: issue.issues[0]!.message }];
    const value = issue.path.reduce<unknown>((at, key) => (at as never)?.[key], input);
    if (value === undefined && issue.code === "invalid_type") {
      return [{ path: path || "mesh", text: `is missing; it ${issue.message}` }];
    }
    const secret = issue.path.some((part) => SECRET_FIELDS.has(part));
    // YAML reads 0, 44 and true as no text, and the error would call what was given what is wanted.
    if (issue.code === "invalid_type" && issue.expected === "string" && isScalar(value)) {
      const quoted = secret ? "" : `: ${JSON.stringify(String(value))}`;
      const text = `must be text, and is a ${typeof value} without quotes; put it in quotes${quoted}`;
      return [{ path: path || "mesh", text }];
    }
    return [
      { path: path || "mesh", text: `${issue.message}${secret ? "" : `, got ${show(value)}`}` },
    ];
  });
}

const isScalar = (value: unknown) => typeof value === "number" || typeof value === "boolean";

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
