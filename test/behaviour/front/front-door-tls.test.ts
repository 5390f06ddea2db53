import { chmod, chown, mkdtemp, rm, writeFile } from "node:fs/promises";
import { request as httpsRequest } from "node:https";
import { connect as connectHttp2 } from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type ConnectionOptions } from "node:tls";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";

import { FRONT_PORT, REDIRECT_PORT, TLS_FOLDER } from "../../../templates/nginx-layout.ts";
import { lacking, need } from "../../support/needs.ts";
import { makeCertificate, type TestCertificate } from "../harness/certificate.ts";
import { ask } from "../harness/client.ts";
import { ToyMesh } from "../harness/mesh.ts";
import { raw, statuses } from "../harness/raw.ts";

const why = lacking("OLLAMA_MESH_NGINX_IMAGE");
const image = process.env.OLLAMA_MESH_NGINX_IMAGE ?? "";

/** What was agreed, or OpenSSL's word for why nothing was. */
function handshake(port: number, ca: string, options: ConnectionOptions = {}): Promise<unknown> {
  return new Promise((resolve) => {
    const socket = connect(
      { host: "127.0.0.1", port, ca, servername: "mesh.example.org", ...options },
      () => {
        resolve({ protocol: socket.getProtocol(), alpn: socket.alpnProtocol });
        socket.destroy();
      },
    );
    socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code));
  });
}

/** A GET over HTTPS, with the certificate verified. */
function get(port: number, ca: string, path: string) {
  return new Promise<{ status: number | undefined; headers: Record<string, unknown> }>(
    (resolve, reject) => {
      const url = `https://127.0.0.1:${port}${path}`;
      const sent = httpsRequest(url, { ca, agent: false }, (answer) => {
        answer.resume();
        resolve({ status: answer.statusCode, headers: answer.headers });
      });
      sent.on("error", reject);
      sent.end();
    },
  );
}

describe.skipIf(why)(`TLS${why ? ` (${why})` : ""}`, () => {
  let made: TestCertificate;
  let mesh: ToyMesh;
  let port: number;

  beforeAll(async () => {
    made = await makeCertificate(image);
    const tls = { ...made, redirectPort: 8080, hstsSeconds: 3600 };
    mesh = await ToyMesh.start(
      image,
      ["a"],
      { listen: { port: 8443 }, tls },
      { ports: [REDIRECT_PORT] },
    );
    port = mesh.balancer.port(FRONT_PORT);
  });
  afterAll(() => mesh?.[Symbol.asyncDispose]());

  test("clients get TLS 1.3 and 1.2 with the declared certificate, and nothing older", async () => {
    const ca = made.certificate;
    expect(await handshake(port, ca)).toEqual({ protocol: "TLSv1.3", alpn: false });
    expect(await handshake(port, ca, { maxVersion: "TLSv1.2" })).toEqual({
      protocol: "TLSv1.2",
      alpn: false,
    });
    // Security level 0, or this client would not even ask for what is old.
    const old = { minVersion: "TLSv1", ciphers: "ALL:@SECLEVEL=0" } as const;
    for (const maxVersion of ["TLSv1.1", "TLSv1"] as const) {
      expect(await handshake(port, ca, { ...old, maxVersion })).toBe(
        "ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION",
      );
    }
  });

  test("a cipher without forward secrecy is refused", async () => {
    const options = { maxVersion: "TLSv1.2", ciphers: "AES128-GCM-SHA256" } as const;
    expect(await handshake(port, made.certificate, options)).toMatch(/HANDSHAKE_FAILURE/);
  });

  test("a client that can gets HTTP/2, and its answer through it", async () => {
    const options = { ALPNProtocols: ["h2", "http/1.1"] };
    expect(await handshake(port, made.certificate, options)).toEqual({
      protocol: "TLSv1.3",
      alpn: "h2",
    });
    const session = connectHttp2(`https://127.0.0.1:${port}`, { ca: made.certificate });
    const stream = session.request({ ":path": "/api/tags" });
    const headers = await new Promise<Record<string, unknown>>((resolve, reject) => {
      stream.on("response", resolve);
      stream.on("error", reject);
    });
    session.destroy();
    expect(headers).toMatchObject({ ":status": 200, "x-mesh-node": "a" });
  });

  test("browsers are told to stay with HTTPS for as long as declared, and by errors too", async () => {
    for (const path of ["/api/tags", "/nothing"]) {
      const { headers } = await get(port, made.certificate, path);
      expect(headers["strict-transport-security"]).toBe("max-age=3600");
    }
  });

  test("pages of the names that the certificate is for may, and none below a wildcard's level", async () => {
    const statusOf = async (origin: string) => {
      const asked = { ca: made.certificate, headers: { origin } };
      return (await ask(`https://127.0.0.1:${port}/api/tags`, asked)).status;
    };
    for (const name of ["mesh.example.org", "a.example.net", "127.0.0.1"]) {
      expect([name, await statusOf(`https://${name}:8443`)]).toEqual([name, 200]);
    }
    for (const name of ["a.b.example.net", "example.net", "a.example.net.evil.org"]) {
      expect([name, await statusOf(`https://${name}:8443`)]).toEqual([name, 403]);
    }
  });

  test("plain HTTP on the TLS port gets an error that says why", async () => {
    const answer = await ask(`http://127.0.0.1:${port}/api/tags`);
    expect([answer.status, JSON.parse(answer.text)]).toEqual([
      400,
      { error: "this port speaks HTTPS" },
    ]);
  });

  describe("the redirect", () => {
    const ASKED = "Connection: close\r\n\r\n";
    const location = async (head: string) => {
      const answer = await raw(
        `http://127.0.0.1:${mesh.balancer.port(REDIRECT_PORT)}`,
        head + ASKED,
      );
      return [statuses(answer)[0], /^Location: (.*)\r$/m.exec(answer)?.[1]];
    };

    test("leads to the same path on the declared port, by a code that leaves a POST a POST", async () => {
      expect(
        await location("POST /api/chat?a=b%20c HTTP/1.1\r\nHost: mesh.example.org:8080\r\n"),
      ).toEqual([308, "https://mesh.example.org:8443/api/chat?a=b%20c"]);
      expect(await location("GET / HTTP/1.1\r\nHost: Chat.Example.NET\r\n")).toEqual([
        308,
        "https://chat.example.net:8443/",
      ]);
      expect(await location("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n")).toEqual([
        308,
        "https://127.0.0.1:8443/",
      ]);
    });

    test.each([
      ["a host that the certificate is not for", "GET / HTTP/1.1\r\nHost: evil.example.com\r\n"],
      ["one that only ends like it", "GET / HTTP/1.1\r\nHost: mesh.example.org.evil.com\r\n"],
      ["one that only begins like it", "GET / HTTP/1.1\r\nHost: evil-mesh.example.org\r\n"],
      ["one below a wildcard's level", "GET / HTTP/1.1\r\nHost: a.b.example.net\r\n"],
      ["no host", "GET / HTTP/1.0\r\n"],
      [
        "a whole URL of another host",
        "GET http://evil.com/ HTTP/1.1\r\nHost: mesh.example.org\r\n",
      ],
    ])("%s is refused", async (_what, head) => {
      expect(await location(head)).toEqual([421, undefined]);
    });

    test.each([
      ["an address before it", "Host: user@mesh.example.org"],
      ["a line feed in it", "Host: mesh.example.org%0d%0aX: y"],
      ["two of them", "Host: mesh.example.org\r\nHost: evil.com"],
    ])("a host with %s is no way out", async (_what, header) => {
      const [status, target] = await location(`GET / HTTP/1.1\r\n${header}\r\n`);
      expect([400, 421]).toContain(status);
      expect(target).toBeUndefined();
    });

    test("a path can't become a part of the host or a header", async () => {
      expect(
        await location("GET http://mesh.example.org/x HTTP/1.1\r\nHost: mesh.example.org\r\n"),
      ).toEqual([308, "https://mesh.example.org:8443/x"]);
      for (const target of ["http://mesh.example.org", "http://mesh.example.org?.evil.com"]) {
        const head = `GET ${target} HTTP/1.1\r\nHost: mesh.example.org\r\n`;
        expect(await location(head)).toEqual([308, "https://mesh.example.org:8443/"]);
      }
      expect(await location("GET //evil.com/ HTTP/1.1\r\nHost: mesh.example.org\r\n")).toEqual([
        308,
        "https://mesh.example.org:8443//evil.com/",
      ]);
      expect(
        await location("GET /%0d%0aX-Forged:%20y HTTP/1.1\r\nHost: mesh.example.org\r\n"),
      ).toEqual([308, "https://mesh.example.org:8443/%0d%0aX-Forged:%20y"]);
    });

    test("nothing reaches a node by it", async () => {
      mesh.node("a").forget();
      await location("GET /api/tags HTTP/1.1\r\nHost: mesh.example.org\r\n");
      expect(mesh.node("a").requests).toEqual([]);
    });
  });
});

test("certificate files of the balancer's host serve as well", async (context) => {
  const image = need(context, "OLLAMA_MESH_NGINX_IMAGE");
  const { certificate, key } = await makeCertificate(image);
  const folder = await mkdtemp(join(tmpdir(), "ollama-mesh-tls-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  await chmod(folder, 0o755);
  await writeFile(join(folder, "full.pem"), certificate);
  await writeFile(join(folder, "private.pem"), key, { mode: 0o640 });
  await chown(join(folder, "private.pem"), 0, 101);
  const tls = { certificateFile: "/srv/certs/full.pem", keyFile: "/srv/certs/private.pem" };
  const mount = ["--volume", `${folder}:${TLS_FOLDER}:ro`];
  await using mesh = await ToyMesh.start(image, ["a"], { tls }, { docker: mount });
  const answer = await get(mesh.balancer.port(FRONT_PORT), certificate, "/api/tags");
  expect(answer.status).toBe(200);
  expect(answer.headers).not.toHaveProperty("strict-transport-security");
});

test("where its network may not come in, a node is told at the redirect what is held of it, and nobody is led on", async (context) => {
  const image = need(context, "OLLAMA_MESH_NGINX_IMAGE");
  const made = await makeCertificate(image);
  await using mesh = await ToyMesh.start(
    image,
    ["a"],
    {
      host: "ssh://front.lan",
      listen: { address: "0.0.0.0", port: 8443 },
      tls: { ...made, redirectPort: 8080 },
      access: { allow: ["198.51.100.0/24"] },
    },
    { ports: [REDIRECT_PORT], settings: { a: { managed: true, host: "ssh://gpu.lan" } } },
  );
  const url = `http://127.0.0.1:${mesh.balancer.port(REDIRECT_PORT)}`;
  const statusOf = async (path: string) =>
    (await ask(`${url}${path}`, { headers: { host: "mesh.example.org" } })).status;
  expect(await statusOf("/verdict/a")).toBe(200);
  for (const path of ["/", "/verdict/b", "/healthz"]) {
    expect([path, await statusOf(path)]).toEqual([path, 403]);
  }
});
