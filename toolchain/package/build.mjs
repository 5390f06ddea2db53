// npm run build: dist/, what users get, from the sources.
import "../node/oldest-node.mjs";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const ROOT = join(import.meta.dirname, "..", "..");
const DIST = join(ROOT, "dist");
const COMMON = join(DIST, "cjs");
const ENTRY = "components/index";

const compiler = createRequire(import.meta.url).resolve("typescript/bin/tsc");
const { status } = spawnSync(process.execPath, [compiler, "-p", "tsconfig.build.json"], {
  cwd: ROOT,
  stdio: "inherit",
});
process.exitCode = status ?? 1;

// What is read as a file when it runs lies beside what reads it.
for (const room of ["components", "steps", "templates"]) {
  cpSync(join(ROOT, room), join(DIST, room), {
    recursive: true,
    filter: (file) => !/\.ts$|tsconfig/.test(file),
  });
}

// What users with a Prometheus of their own take, the mesh's gets as well.
cpSync(join(ROOT, "docs/monitoring"), join(DIST, "docs/monitoring"), { recursive: true });

// For require(): the same modules, which Node gives it since 22.12. Only TypeScript tells the two apart, and takes types
// for CommonJS from a folder that says so.
rmSync(COMMON, { recursive: true, force: true });
for (const file of declarations(`${ENTRY}.d.ts`)) {
  mkdirSync(dirname(join(COMMON, file)), { recursive: true });
  cpSync(join(DIST, file), join(COMMON, file));
}
writeFileSync(join(COMMON, "package.json"), '{ "type": "commonjs" }\n');
writeFileSync(join(COMMON, `${ENTRY}.js`), `module.exports = require("../../${ENTRY}.js");\n`);

/**
 * A file of declarations and all that it imports, by their paths in dist/.
 *
 * @param {string} file
 * @param {Set<string>} found
 */
function declarations(file, found = new Set()) {
  if (found.has(file)) return found;
  found.add(file);
  const text = readFileSync(join(DIST, file), "utf8");
  for (const [, path = ""] of text.matchAll(/(?:from|import\() ?"(\.[^"]+)\.ts"/g)) {
    declarations(join(dirname(file), `${path}.d.ts`), found);
  }
  return found;
}
