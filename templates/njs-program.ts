import { createHash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { RouterData } from "./router-data.ts";

/** The file that nginx.conf imports. */
export const PROGRAM = "main.js";

/** The file that the program reads the mesh from; a stand-in of this name lies beside the sources. */
const DATA = "data.js";

/** Beside this file, in the sources and in what is built of them. */
const FOLDER = fileURLToPath(new URL("njs", import.meta.url));

/**
 * The program that runs in nginx, by name of file: all lie beside nginx.conf and in no folders, so that a config and
 * its program are tested, switched and rolled back together.
 */
export function njsProgram(): Record<string, string> {
  const paths = readdirSync(FOLDER, { recursive: true, encoding: "utf8" });
  const sources = paths.filter((path) => path.endsWith(".js") && path !== DATA);
  const files = sources.map((path) => [basename(path), flat(join(FOLDER, path))] as const);
  return Object.fromEntries(files.sort(([one], [other]) => (one < other ? -1 : 1)));
}

/** A source whose imports find their files beside it. */
const flat = (path: string): string =>
  readFileSync(path, "utf8").replace(/^(import .* from "|\} from ")[^"]*\/([^"/]+")/gm, "$1./$2");

/** Hash of the program; it stands in nginx.conf, so that a new program is a new config. */
export const programHash = (program: Readonly<Record<string, string>>): string =>
  createHash("sha256").update(JSON.stringify(program)).digest("hex").slice(0, 16);

/** What the program is told, as the file that it imports. JSON is a value in JavaScript too, whatever strings it holds. */
export const dataFile = (data: RouterData): Record<string, string> => ({
  [DATA]: `export default ${JSON.stringify(data, undefined, 2)};\n`,
});
