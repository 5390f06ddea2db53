import { EventEmitter } from "node:events";
import { createServer, type Server } from "node:net";

import { expect, test, vi } from "vitest";

import { ensurePortIsFree } from "../../lab/port.mjs";
import { standIns } from "./stand-in.ts";

vi.mock("node:net", async (original) => ({ ...(await original()), createServer: vi.fn() }));

/** A machine that lets nobody listen, for that reason. */
function refusing(code: string) {
  const server = new EventEmitter() as Server;
  server.listen = () => {
    server.emit("error", Object.assign(new Error(code), { code }));
    return server;
  };
  vi.mocked(createServer).mockReturnValue(server);
}

test("another container's port is named, with a way out", async () => {
  refusing("EADDRINUSE");
  standIns({ docker: "echo somebodys-web" });
  await expect(ensurePortIsFree("80", "ollama-mesh-lab")).rejects.toThrow(
    "127.0.0.1:80 is in use by container somebodys-web. Choose another port:\n  npm run lab -- --port 11500",
  );
});

test("the lab's own balancer may listen there", async () => {
  refusing("EADDRINUSE");
  standIns({ docker: "echo ollama-mesh-lab-balancer" });
  await expect(ensurePortIsFree("11434", "ollama-mesh-lab")).resolves.toBeUndefined();
});

test("a port that only root may listen on is Docker's to publish: nothing is said of it", async () => {
  refusing("EACCES");
  standIns({ docker: "exit 1" });
  await expect(ensurePortIsFree("80", "ollama-mesh-lab")).resolves.toBeUndefined();
});
