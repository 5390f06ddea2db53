import { createHash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { findPackageJSON } from "node:module";
import { dirname, join } from "node:path";
import type { RouterData } from "./router-data.ts";

/** The file that nginx.conf imports. */
export const PROGRAM = "main.js";

/** The file that the program reads the mesh from; a stand-in of this name lies beside the sources. */
const DATA = "data.js";

/**
 * The program that runs in nginx, by name of file: all lie beside nginx.conf, so that a config and its program are
 * tested, switched and rolled back together. Sources, not built: what is read here is what runs there.
 */
export function njsProgram(): Record<string, string> {
  const folder = join(dirname(findPackageJSON(import.meta.url)!), "templates", "njs");
  const names = readdirSync(folder).filter((name) => name.endsWith(".js") && name !== DATA);
  return Object.fromEntries(
    names.sort().map((name) => [name, readFileSync(join(folder, name), "utf8")]),
  );
}

/** Hash of the program; it stands in nginx.conf, so that a new program is a new config. */
export const programHash = (program: Readonly<Record<string, string>>): string =>
  createHash("sha256").update(JSON.stringify(program)).digest("hex").slice(0, 16);

/** What the program is told, as the file that it imports. JSON is a value in JavaScript too, whatever strings it holds. */
export const dataFile = (data: RouterData): Record<string, string> => ({
  [DATA]: `export default ${JSON.stringify(data, undefined, 2)};\n`,
});
