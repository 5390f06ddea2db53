import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";

import { describe, expect, onTestFinished, test, vi } from "vitest";

import { askNode, curlCommand, nodeUrl, nodeCurlCommand } from "../../../../steps/balancer/ask.ts";
import { standInDocker } from "../../../support/stand-in-docker.ts";

const BALANCER = { endpoint: "unix:///run/x.sock", container: "b", volume: "v", network: "n" };
const NODE = { address: "10.0.0.7", port: 11_434 };
const TLS = {
  serverName: "gpu.example.org",
  caCertificate: "CA",
  client: { certificate: "C", key: "K" },
};
const base64 = (text: string) => Buffer.from(text).toString("base64");

describe("a node's URL", () => {
  test.each([
    ["by address", NODE, "http://10.0.0.7:11434/api/tags"],
    ["by IPv6 address", { ...NODE, address: "fd00::7" }, "http://[fd00::7]:11434/api/tags"],
    ["with TLS by name", { ...NODE, tls: TLS }, "https://gpu.example.org:11434/api/tags"],
    [
      "with TLS and no name, by address",
      { ...NODE, tls: { serverName: "10.0.0.7" } },
      "https://10.0.0.7:11434/api/tags",
    ],
  ])("%s", (_, node, url) => {
    expect(nodeUrl(node, "/api/tags")).toBe(url);
  });
});

describe("curl is told", () => {
  const url = "http://10.0.0.7:11434/x";
  const always = ["-sS", "-w", "\n%{http_code}", "-m", "5"];

  test("to get", () => {
    expect(curlCommand({ url, seconds: 5 })).toEqual({
      words: ["curl", ...always, url],
      input: "",
    });
  });

  test("to post, what by its stdin", () => {
    expect(curlCommand({ url, seconds: 5, body: { secret: 1 } })).toEqual({
      words: [
        ...["curl", ...always, "-H", "Content-Type: application/json", "--data-binary", "@-"],
        url,
      ],
      input: '{"secret":1}',
    });
  });

  test("how to speak TLS, certificates, key and body as files", () => {
    const { words, input } = nodeCurlCommand(
      { ...NODE, tls: TLS },
      { url, seconds: 5, body: { a: 1 } },
    );
    expect(words.slice(0, 2)).toEqual(["sh", "-c"]);
    expect(words.slice(3)).toEqual([
      ...["sh", ...always, "--connect-to", "::10.0.0.7:11434", "--cacert", "authority.pem"],
      ...["--cert", "client.pem", "--key", "client.key"],
      ...["-H", "Content-Type: application/json", "--data-binary", "@body", url],
    ]);
    expect(input).toBe(
      `authority.pem ${base64("CA")}\nclient.pem ${base64("C")}\nclient.key ${base64("K")}\nbody ${base64('{"a":1}')}\n`,
    );
  });

  test("the key of a node, as a file", () => {
    const { words, input } = nodeCurlCommand({ ...NODE, apiKey: "k-1" }, { url, seconds: 5 });
    expect(words.slice(3)).toEqual(["sh", ...always, "-H", "@authorization", url]);
    expect(input).toBe(`authorization ${base64("Authorization: Bearer k-1")}\n`);
  });

  test("nothing of certificates where the public authorities do", () => {
    const { words, input } = nodeCurlCommand(
      { ...NODE, tls: { serverName: "gpu" } },
      { url, seconds: 5 },
    );
    expect(words.slice(3)).toEqual(["sh", ...always, "--connect-to", "::10.0.0.7:11434", url]);
    expect(input).toBe("");
  });
});

/** Puts a program in place of curl. */
function standInCurl(script: string): void {
  const folder = mkdtempSync(join(tmpdir(), "curl-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, "curl"), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  vi.stubEnv("PATH", `${folder}${delimiter}${process.env["PATH"]}`);
}

describe("an answer", () => {
  // docker -H ENDPOINT exec -i b PROGRAM...: here instead of there
  const EXEC = 'shift 5; exec "$@"';
  const ask = (tls: object, body?: object) =>
    askNode(BALANCER, { ...NODE, ...tls }, { path: "/x", seconds: 5, ...(body ? { body } : {}) });

  test("is its status and all before it", async () => {
    standInDocker(EXEC);
    standInCurl(`printf 'one\\ntwo\\n\\n404'`);
    expect(await ask({})).toEqual({ status: 404, body: "one\ntwo\n" });
  });

  test("over TLS is asked for with files that are gone afterwards, and nobody else may read", async () => {
    standInDocker(EXEC);
    standInCurl(
      `for file in *; do echo "$file $(stat -c %a $file) $(cat $file)"; done; pwd; printf 200`,
    );
    const { status, body } = await ask({ tls: TLS }, { a: 1 });
    expect(status).toBe(200);
    const [folder, ...files] = body.split("\n").reverse();
    expect(files.reverse()).toEqual([
      "authority.pem 600 CA",
      'body 600 {"a":1}',
      "client.key 600 K",
      "client.pem 600 C",
    ]);
    expect(folder).toMatch(/^\/.*tmp/);
    expect(existsSync(folder!)).toBe(false);
  });
});
