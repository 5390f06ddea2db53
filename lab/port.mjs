// The port on which the lab's balancer listens.
import { createServer } from "node:net";

import { run } from "../toolchain/command.mjs";

/**
 * Makes sure that the balancer can listen on a port of this machine.
 *
 * @param {string} port
 * @param {string} mesh whose own containers may listen there
 * @throws {Error} when something else does
 */
export async function ensurePortIsFree(port, mesh) {
  const free = await new Promise((resolve) => {
    const server = createServer();
    // Where only root may listen, Docker does it.
    server.on("error", (/** @type {NodeJS.ErrnoException} */ { code }) =>
      resolve(code !== "EADDRINUSE"),
    );
    server.listen(Number(port), "127.0.0.1", () => server.close(() => resolve(true)));
  });
  if (free) return;
  const publishing = ["ps", "--filter", `publish=${port}`, "--format", "{{.Names}}"];
  const names = (await run("docker", publishing)).trim();
  if (names.startsWith(mesh)) return;
  const by = names ? `container ${names}` : "another program (often an Ollama of this machine)";
  throw new Error(
    `127.0.0.1:${port} is in use by ${by}. Choose another port:\n  npm run lab -- --port 11500`,
  );
}
