import { createHash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { RouterData } from "./router-data.ts";
import { statusPage } from "./status/status-page.ts";

/** The file that nginx.conf imports for clients' requests. */
export const REQUESTS_PROGRAM = "requests.js";

/** The one for what runs by itself, and for the management listener. */
export const PROGRAM = "main.js";

/** The file that the program reads the mesh from; a stand-in of this name lies beside the sources. */
const DATA = "data.js";

/** Beside this file, in the sources and in what is built of them. */
const FOLDER = fileURLToPath(new URL("njs", import.meta.url));

/**
 * The program that runs in nginx, and its status page, by name of file: all lie beside nginx.conf and in no folders, so that a config and
 * its program are tested, switched and rolled back together.
 */
export function njsProgram(): Record<string, string> {
  const paths = readdirSync(FOLDER, { recursive: true, encoding: "utf8" });
  const sources = paths.filter((path) => path.endsWith(".js") && path !== DATA);
  const files = sources.map((path) => [basename(path), flat(join(FOLDER, path))] as const);
  const all = [...files, ...Object.entries(statusPage())];
  return Object.fromEntries(all.sort(([one], [other]) => (one < other ? -1 : 1)));
}

/** A source whose imports find their files beside it. */
const flat = (path: string): string =>
  readFileSync(path, "utf8").replace(/^(import .* from "|\} from ")[^"]*\/([^"/]+")/gm, "$1./$2");

/** Hash of a program; it stands in nginx.conf, so that a new program is a new config. */
export const programHash = (program: Readonly<Record<string, string>>): string =>
  createHash("sha256").update(JSON.stringify(program)).digest("hex").slice(0, 16);

/** That of this version. */
export const PROGRAM_HASH = programHash(njsProgram());

/** What the program is told, as the file that it imports. JSON is a value in JavaScript too, whatever strings it holds. */
export const dataFile = (data: RouterData): Record<string, string> => ({
  [DATA]: `export default ${JSON.stringify(data, undefined, 2)};\n`,
});
