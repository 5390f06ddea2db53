import { randomUUID } from "node:crypto";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { ensureDockerEngine } from "../../lab/docker-engine.mjs";
import { ensureImages } from "../../lab/images.mjs";
import { NGINX_USER } from "../../templates/nginx-layout.ts";
import { run } from "../../toolchain/command.mjs";
import { until } from "../../toolchain/until.mjs";
import { figure, inSeconds } from "../support/report/figure.ts";

/** How the mesh runs them: nothing that a taken-over process could use. */
const HARDENED = [
  "--cap-drop",
  "ALL",
  "--security-opt",
  "no-new-privileges",
  "--read-only",
  "--tmpfs",
  "/tmp",
];

const name = `lab-test-${randomUUID().slice(0, 8)}`;
const docker = (...args: string[]) => run("docker", args).then((out) => out.trim());

// Before the tests are collected: what is to be tested depends on where the images come from.
await ensureDockerEngine();
const images = await ensureImages();

afterAll(async () => {
  for (const part of ["nginx", "ollama"]) {
    await docker("rm", "--force", "--volumes", `${name}-${part}`);
    await docker("volume", "rm", "--force", `${name}-${part}`);
  }
});

test("images that are there are found, by the same references", async () => {
  const began = Date.now();
  expect(await ensureImages()).toEqual(images);
  figure("second look", inSeconds((Date.now() - began) / 1000));
});

describe("nginx", () => {
  const CONF = `
    load_module modules/ngx_http_js_module.so;
    pid /tmp/nginx.pid;
    error_log stderr notice;
    events {}
    http {
      access_log off;
      client_body_temp_path /tmp/body;
      proxy_temp_path /tmp/proxy;
      fastcgi_temp_path /tmp/fastcgi;
      uwsgi_temp_path /tmp/uwsgi;
      scgi_temp_path /tmp/scgi;
      js_engine qjs;
      js_import mesh from /etc/nginx/mesh/current/mesh.js;
      server { listen 8080; location / { js_content mesh.answer; } }
    }`;
  const NJS = `
    function answer(r) { for (const word of ["VERSION"]) r.return(200, word); }
    export default { answer };`;
  const configure = async (version: string) => {
    const script = "cat > /etc/nginx/mesh/current/mesh.js";
    const volume = ["--volume", `${name}-nginx:/etc/nginx/mesh`];
    const input = NJS.replace("VERSION", version);
    await run("docker", ["run", "--rm", "-i", ...volume, images.nginx, "sh", "-c", script], {
      input,
    });
  };
  const ask = () => docker("exec", `${name}-nginx`, "curl", "-sS", "http://127.0.0.1:8080/");

  beforeAll(async () => {
    const volume = ["--volume", `${name}-nginx:/etc/nginx/mesh`];
    const script = "mkdir /etc/nginx/mesh/current && cat > /etc/nginx/mesh/current/nginx.conf";
    const put = ["run", "--rm", "-i", ...volume, images.nginx, "sh", "-c", script];
    await run("docker", put, { input: CONF });
    await configure("one");
    const mount = ["--volume", `${name}-nginx:/etc/nginx/mesh:ro`, "--user", NGINX_USER];
    const command = ["nginx", "-c", "/etc/nginx/mesh/current/nginx.conf", "-g", "daemon off;"];
    await docker(
      "run",
      "-d",
      "--name",
      `${name}-nginx`,
      ...HARDENED,
      ...mount,
      images.nginx,
      ...command,
    );
  });

  test("serves njs from a volume as the user that the mesh gives it, the image's own, without capabilities, on a read-only root", async () => {
    expect(await until("answer", ask, { seconds: 60 })).toBe("one");
    expect(await docker("exec", `${name}-nginx`, "id", "-un")).toBe("nginx");
  });

  test("takes over a new configuration by reload", async () => {
    await configure("two");
    await docker(
      "exec",
      `${name}-nginx`,
      "nginx",
      "-c",
      "/etc/nginx/mesh/current/nginx.conf",
      "-s",
      "reload",
    );
    await until("new answer", async () => (await ask()) === "two", { seconds: 60 });
  });

  test("brings flock, and logs nothing worse than notices", async () => {
    expect(await docker("exec", `${name}-nginx`, "flock", "/tmp/lock", "echo", "locked")).toBe(
      "locked",
    );
    const logs = await run("sh", ["-c", `docker logs ${name}-nginx 2>&1`]);
    expect(logs).not.toMatch(/\[(warn|error|crit|alert|emerg)\]/);
  });

  test("ends in order on docker stop", async () => {
    await docker("stop", `${name}-nginx`);
    expect(await docker("inspect", "--format", "{{.State.ExitCode}}", `${name}-nginx`)).toBe("0");
  });
});

describe("ollama", () => {
  let address: string;
  const post = async (path: string, body: object) => {
    const response = await fetch(`${address}${path}`, {
      method: "POST",
      body: JSON.stringify(body),
    });
    if (response.status !== 200)
      throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response;
  };

  beforeAll(async () => {
    const mount = ["--volume", `${name}-ollama:/root/.ollama`, "--publish", "127.0.0.1::11434"];
    await docker("run", "-d", "--name", `${name}-ollama`, ...HARDENED, ...mount, images.ollama);
    address = `http://${await docker("port", `${name}-ollama`, "11434/tcp")}`;
    await until("version", () => fetch(`${address}/api/version`).then(({ ok }) => ok), {
      seconds: 60,
    });
  });

  test("runs without capabilities on a read-only root and a volume", async () => {
    expect(await docker("exec", `${name}-ollama`, "/bin/ollama", "--version")).toMatch(
      /^ollama version is \d+\.\d+\.\d+$/,
    );
  });

  describe.runIf(images.offline)("with its built-in models", () => {
    test("an empty volume is filled with tiny and slow", async () => {
      const { models } = await fetch(`${address}/api/tags`).then((response) => response.json());
      expect(models.map((model: { name: string }) => model.name).sort()).toEqual([
        "slow:latest",
        "tiny:latest",
      ]);
    });

    test("tiny generates 32 tokens and ends with a done line, also over many streams", async () => {
      for (let seed = 1; seed <= 20; seed++) {
        const response = await post("/api/generate", {
          model: "tiny",
          prompt: "hello",
          options: { seed },
        });
        const lines = (await response.text())
          .trim()
          .split("\n")
          .map((line) => JSON.parse(line));
        expect(lines.at(-1)).toMatchObject({ done: true, done_reason: "length", eval_count: 32 });
        expect(lines.slice(0, -1).every((line) => line.response !== "")).toBe(true);
      }
    });

    test("tiny chats, and answers the same question with the same words", async () => {
      const ask = async () => {
        const messages = [
          { role: "system", content: "Be brief." },
          { role: "user", content: "hello" },
          { role: "assistant", content: "hi" },
          { role: "user", content: "why?" },
        ];
        const response = await post("/api/chat", { model: "tiny", messages, stream: false });
        return (await response.json()).message.content as string;
      };
      const words = await ask();
      expect(words).toMatch(/^( [a-z]{4}){32}$/);
      expect(await ask()).toBe(words);
    });

    test("tiny embeds texts as vectors of length 1", async () => {
      const response = await post("/api/embed", { model: "tiny", input: ["one", "another text"] });
      const { embeddings } = (await response.json()) as { embeddings: number[][] };
      expect(embeddings.map((vector) => vector.length)).toEqual([64, 64]);
      for (const vector of embeddings) expect(Math.hypot(...vector)).toBeCloseTo(1, 3);
      expect(embeddings[0]).not.toEqual(embeddings[1]);
    });

    test("slow takes long enough to be interrupted: 200 tokens in more than a second", async () => {
      const response = await post("/api/generate", {
        model: "slow",
        prompt: "hello",
        stream: false,
      });
      const { eval_count, eval_duration } = await response.json();
      expect(eval_count).toBe(200);
      expect(eval_duration / 1e9).toBeGreaterThan(1);
    });
  });
});
