import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import * as pulumi from "@pulumi/pulumi";
import { OllamaMesh, type OllamaMeshArgs } from "../components/index.ts";

const MESH = "ollama-mesh:index:OllamaMesh";
const STEPS = "ollama-mesh:index:Steps";

/** The plugin's folder: where schema.json lies. From the source as from dist/. */
const folderOf = (file: string) =>
  new URL(import.meta.url.includes("/dist/") ? `../../${file}` : `../${file}`, import.meta.url);

/** What the package says of itself. */
const SCHEMA = readFileSync(folderOf("schema.json"), "utf8");
const { version, pluginDownloadURL } = JSON.parse(SCHEMA) as {
  version: string;
  pluginDownloadURL: string;
};

/**
 * Where the engine has this plugin from: told another place than the mesh's own it would look for a second plugin there.
 *
 * @param file this plugin's `.git/config`, which an installation from git keeps
 */
export function downloadUrl(file: URL = folderOf(".git/config")): string {
  // A checkout has one too, but only an installed plugin goes by its repository, whatever the schema says.
  const isInstalled = /[\\/]plugins[\\/]resource-/.test(fileURLToPath(file));
  if (!isInstalled || !existsSync(file)) return pluginDownloadURL;
  const remote = /^\s*url = https:\/\/(.+?)(?:\.git)?$/m.exec(readFileSync(file, "utf8"))?.[1];
  return remote ? `git://${remote}` : pluginDownloadURL;
}

/**
 * Holds nothing. `pulumi destroy` runs no program and starts a plugin only for resources of its own. This one depends
 * on the whole mesh, so that it is the first to be deleted, for which this plugin is started: it notes where the steps
 * are, which the others' deletes need.
 */
class Steps extends pulumi.CustomResource {
  constructor(name: string, mesh: OllamaMesh) {
    const origin = { version, pluginDownloadURL: downloadUrl() };
    super(STEPS, name, {}, { parent: mesh, dependsOn: mesh, ...origin });
  }
}

/** The package for programs in other languages than TypeScript. */
export const provider: pulumi.provider.Provider = {
  version,
  schema: SCHEMA,
  construct(name, type, inputs, options) {
    if (type !== MESH) throw new Error(`ollama-mesh ${version} has no resource ${type}`);
    // As the program wrote them, checked by the component.
    const mesh = new OllamaMesh(name, inputs as OllamaMeshArgs, options);
    new Steps(`${name}-steps`, mesh);
    const { urn, endpoint, endpoints, nodes, curl, monitoring } = mesh;
    const state = { endpoint, endpoints, nodes, curl, ...(monitoring ? { monitoring } : {}) };
    return Promise.resolve({ urn, state });
  },
  check: (_urn, _olds, inputs) => Promise.resolve({ inputs, failures: [] }),
  diff: () => Promise.resolve({ changes: false }),
  create: () => Promise.resolve({ id: "steps", outs: {} }),
  read: (id, _urn, props) => Promise.resolve({ id, props }),
  delete: () => Promise.resolve(),
};
