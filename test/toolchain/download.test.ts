// The program that downloads, where a download does not come to its end: one line says why, as for a host that is not there.
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { CommandError, run } from "../../toolchain/command.mjs";

const PROGRAM = join(import.meta.dirname, "../../toolchain/download.mjs");

/** What the program says of a file that is served so, and where it was to lie. */
async function downloaded(serve: (response: ServerResponse) => void, into = "file") {
  const server = createServer((_request, response) => serve(response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const folder = await mkdtemp(join(tmpdir(), "ollama-mesh-download-"));
  onTestFinished(async () => {
    server.close();
    await rm(folder, { recursive: true, force: true });
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/file`;
  const file = join(folder, into);
  const error: unknown = await run(process.execPath, [PROGRAM, url, file, "30"]).catch(
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof CommandError)) throw new Error(`no failure: ${String(error)}`);
  return { said: error.output, code: error.code, url, file };
}

test("a connection that breaks in the middle", async () => {
  const { said, code, url } = await downloaded((response) => {
    response.writeHead(200, { "content-length": "100" });
    response.write("half", () => response.destroy());
  });
  expect(said).toMatch(/^[^\n]+\n$/);
  expect(said).toContain(`${url}: `);
  expect(code).toBe(1);
});

test("a file that cannot be written", async () => {
  const { said, file } = await downloaded((response) => response.end("all"), "no-folder/file");
  expect(said).toMatch(/^[^\n]+\n$/);
  expect(said).toContain(file);
});
