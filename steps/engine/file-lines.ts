/**
 * Files for a script's stdin, as lines of name and base64: arguments stand in the engine's events and in
 * process lists. It reads them with `while read -r name data`.
 */
export const fileLines = (files: Record<string, string>): string =>
  Object.entries(files)
    .map(([name, content]) => `${name} ${Buffer.from(content).toString("base64")}\n`)
    .join("");
