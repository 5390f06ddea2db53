// Which Ollama and nginx the lab runs, the same ones from Docker Hub and from its own build.
import { readFileSync } from "node:fs";

/** What `ollama/go.mod` requires: the newest Ollama whose Go module is served. */
export const OLLAMA_VERSION = requiredVersion("github.com/ollama/ollama");

/** The oldest nginx that has what the generated config uses; the lab's own image may be newer. */
export const NGINX_VERSION = "1.30.6";

/** @param {string} module */
function requiredVersion(module) {
  const file = readFileSync(new URL("ollama/go.mod", import.meta.url), "utf8");
  const line = file.split("\n").find((text) => text.trim().startsWith(`${module} v`));
  const version = line?.trim().split(" ")[1];
  if (!version) throw new Error(`lab/images/ollama/go.mod does not require ${module}`);
  return version.slice(1);
}
