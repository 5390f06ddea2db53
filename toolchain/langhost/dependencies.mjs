// Which packages a program has installed, and which Pulumi plugins they need.
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/**
 * @typedef {{
 *   name: string,
 *   version: string,
 *   dependencies?: Record<string, string>,
 *   devDependencies?: Record<string, string>,
 *   pulumi?: {resource?: boolean, name?: string, version?: string, server?: string},
 * }} Manifest
 */

/**
 * @param {string} folder
 * @returns {Manifest | undefined}
 */
function manifestOf(folder) {
  const file = join(folder, "package.json");
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : undefined;
}

/**
 * The folder of an installed package, searched upwards as Node does.
 *
 * @param {string} name
 * @param {string} from
 * @returns {string | undefined}
 */
function packageFolder(name, from) {
  for (let folder = from; ; folder = dirname(folder)) {
    const found = join(folder, "node_modules", name);
    if (existsSync(join(found, "package.json"))) return found;
    if (dirname(folder) === folder) return undefined;
  }
}

/**
 * The installed packages that a program names, with `everything` also those that they name.
 *
 * @param {string} program its folder
 * @param {boolean} everything
 * @returns {Map<string, Manifest>} by name
 */
export function installedPackages(program, everything) {
  const found = /** @type {Map<string, Manifest>} */ (new Map());
  /** @param {string} folder @param {Record<string, string>} names */
  const visit = (folder, names) => {
    for (const name of Object.keys(names)) {
      const at = found.has(name) ? undefined : packageFolder(name, folder);
      const manifest = at && manifestOf(at);
      if (!manifest) continue;
      found.set(name, manifest);
      if (everything) visit(at, manifest.dependencies ?? {});
    }
  };
  const own = manifestOf(program);
  visit(program, { ...own?.dependencies, ...own?.devDependencies });
  return found;
}

/**
 * The resource plugins that the program's packages need.
 *
 * @param {string} program its folder
 */
export function neededPlugins(program) {
  return [...installedPackages(program, true).values()]
    .filter((manifest) => manifest.pulumi?.resource)
    .map(({ name, version, pulumi }) => ({
      name: pulumi?.name ?? name.replace(/^@pulumi\//, "").replace(/^@/, ""),
      version: pulumi?.version ?? version,
      server: pulumi?.server ?? "",
    }));
}
