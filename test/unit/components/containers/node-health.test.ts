import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { execFile } from "node:child_process";
import { afterEach, describe, expect, test } from "vitest";

const SCRIPT = readFileSync(
  new URL("../../../../components/containers/node-health.sh", import.meta.url),
  "utf8",
);

/** What would end process 1 says so instead. */
const PRELUDE = `
kill() { echo "kill $*"; }
ollama() { :; }
`;

const servers: Server[] = [];
const folders: string[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) server.close();
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true });
});

/** Bash writes a request line by line. */
function isWhole(request: string): boolean {
  const [head = "", body] = request.split("\r\n\r\n");
  const [, length = "0"] = /^Content-Length: (\d+)$/m.exec(head.replaceAll("\r", "")) ?? [];
  return body?.length === Number(length);
}

/** Says the same to everybody, or goes by the request, or hangs up without a word. */
async function says(said: string | ((request: string) => string)): Promise<number> {
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    let request = "";
    socket.on("data", (part) => {
      request += part.toString();
      if (!isWhole(request) || socket.writableEnded) return;
      const body = typeof said === "string" ? said : said(request);
      socket.end(body === "" ? "" : `HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n${body}`);
    });
  });
  servers.push(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as { port: number }).port;
}

/** A port where nobody listens: none that the system gives to the next who asks. */
const NOBODY = 9;

interface Checked {
  /** What the node says to itself. */
  token: string | ((request: string) => string);
  judges: number[] | undefined;
}

/** Runs the health check of node a; what it printed is what it would have ended. */
async function check({ token, judges }: Checked) {
  const folder = await mkdtemp(join(tmpdir(), "ollama-mesh-node-health-"));
  folders.push(folder);
  const file = join(folder, "a");
  if (judges) await writeFile(file, judges.map((port) => `127.0.0.1 ${port}\n`).join(""));
  const script = SCRIPT.replaceAll("127.0.0.1 11434", `127.0.0.1 ${await says(token)}`);
  const { stdout } = await promisify(execFile)("bash", ["-c", PRELUDE + script, "bash", "a", file]);
  return stdout;
}

const WEDGED = "wedged m:latest 0\n";
const OK = "ok - 0\n";
const QUIET = "quiet m:latest 0\n";
const GONE = "gone - 0\n";
const RESTARTED = "kill -TERM 1\n";

describe("the second witness before a node restarts", () => {
  test("ends a node that the balancer calls wedged and that gives itself no token", async () => {
    expect(await check({ token: "", judges: [await says(WEDGED)] })).toBe(RESTARTED);
  });

  test("keeps one that gives itself a token, whatever the balancer says", async () => {
    expect(await check({ token: "{}", judges: [await says(WEDGED)] })).toBe("");
  });

  test.each([
    ["0.32.15", '"options":{"num_predict":1,"num_ctx":32768}'],
    ["1.0.0", '"options":{"num_predict":1,"num_ctx":32768}'],
    ["0.29.4", '"options":{"num_predict":1}'],
    ["0.0.0", '"options":{"num_predict":1}'],
  ])(
    "Ollama %s is asked for a token as the model is loaded: for another context it would load it anew",
    async (version, options) => {
      const models = ["other:1b", "m:latest"].map((name, at) => ({
        ...{ name, model: name, size: 1, size_vram: 1 },
        context_length: 4096 * 8 ** at,
      }));
      const asked: string[] = [];
      const token = (request: string) => {
        if (request.startsWith("GET /api/version ")) return JSON.stringify({ version });
        if (request.startsWith("GET /api/ps ")) return JSON.stringify({ models });
        asked.push(request.split("\r\n\r\n")[1]!);
        return "{}";
      };
      expect(await check({ token, judges: [await says(WEDGED)] })).toBe("");
      expect(asked).toEqual([
        `{"model":"m:latest","prompt":"Hi","raw":true,"stream":false,${options}}`,
      ]);
    },
  );

  test.each([
    ["ok", OK],
    ["quiet", QUIET],
    ["gone", GONE],
  ])("asks for no token where the balancer says %s", async (_state, said) => {
    expect(await check({ token: "", judges: [await says(said)] })).toBe("");
  });

  test("keeps a node that nobody judges", async () => {
    expect(await check({ token: "", judges: undefined })).toBe("");
    expect(await check({ token: "", judges: [NOBODY] })).toBe("");
  });
});

describe("two balancers before the same node", () => {
  test.each([
    ["serves", OK],
    ["may serve", QUIET],
  ])("it is not ended by the verdict of one while it %s the other", async (_what, said) => {
    const [one, other] = [await says(WEDGED), await says(said)];
    expect(await check({ token: "", judges: [one, other] })).toBe("");
    expect(await check({ token: "", judges: [other, one] })).toBe("");
  });

  test("it is ended where both find that it hangs", async () => {
    const judges = [await says(WEDGED), await says(WEDGED)];
    expect(await check({ token: "", judges })).toBe(RESTARTED);
  });

  test("one that is down itself does not keep a node that hangs", async () => {
    const judges = [await says(WEDGED), NOBODY];
    expect(await check({ token: "", judges })).toBe(RESTARTED);
    expect(await check({ token: "", judges: judges.toReversed() })).toBe(RESTARTED);
  });
});
