// A stack config as a user writes it goes in; the whole nginx config, or the exact error, comes out.
// Each folder's name is the claim. It goes the way of `pulumi up`: index.ts reads the config, and the
// text is what the steps are handed.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { beforeAll, describe, expect, test, vi } from "vitest";

import { API_KEYS_FILE } from "../../templates/front/api-keys.ts";
import { withServers } from "../../templates/admitted-servers.ts";
import type { TlsProxy } from "../../templates/nodes/tls-proxy.ts";
import { admitted } from "../support/admitted.ts";
import { BuildError, record, stepInput } from "../support/mocks.ts";
import { need } from "../support/needs.ts";
import { everywhere, inside, readNginx, type Read } from "../support/nginx-tokens.ts";
import { testWithNginx, type WithFiles } from "../support/nginx.ts";
import { TEST_CERTIFICATE, TEST_KEY } from "../support/test-certificate.ts";
import { parseYaml } from "../support/yaml.ts";

const ROOT = join(import.meta.dirname, "cases");
const CASES = readdirSync(ROOT).sort();

/** What Pulumi's CLI hands to a program: the stack's config over the defaults of Pulumi.yaml. */
function configOf(folder: string): Record<string, string> {
  const project = parseYaml(
    readFileSync(join(import.meta.dirname, "../..", "Pulumi.yaml"), "utf8"),
  ) as { config: Record<string, { default?: unknown }> };
  const stack = parseYaml(readFileSync(join(ROOT, folder, "stack.yaml"), "utf8")) as {
    config: Record<string, unknown>;
  };
  const defaults = Object.entries(project.config).flatMap(([key, { default: value }]) =>
    value === undefined ? [] : [[`ollama-mesh:${key}`, value] as const],
  );
  return Object.fromEntries(
    [...defaults, ...Object.entries(stack.config)].map(([key, value]) => [
      key,
      typeof value === "string" ? value : JSON.stringify(value),
    ]),
  );
}

/** What comes of a stack's config. */
interface Outcome {
  file: "nginx.conf" | "error.txt";
  text: string;
  /** What lies beside nginx.conf, by name. */
  beside: Record<string, string>;
}

const outcomes = new Map<string, Promise<Outcome>>();

/** Each is made once; one after the other, since Pulumi's mocks are global. */
function outcomeOf(folder: string): Promise<Outcome> {
  const known = outcomes.get(folder) ?? make(folder);
  outcomes.set(folder, known);
  return known;
}

/** Runs index.ts with a stack's config: the config that nginx gets once every node is admitted. */
async function make(folder: string): Promise<Outcome> {
  vi.resetModules();
  try {
    const { resources } = await record(() => import("../../index.ts"), {
      stack: "golden",
      config: configOf(folder),
    });
    const steps = resources.filter(({ type }) => type === "command:local:Command").map(stepInput);
    const apply = steps.find((input) => "base" in input);
    const secrets = steps.find((input) => "files" in input && "hash" in input)?.["files"] ?? {};
    const lines = steps.flatMap((input) =>
      "line" in input
        ? [
            [
              String(input["node"]),
              admitted(
                String(input["line"]),
                { address: String(input["address"]), port: Number(input["port"]) },
                input["hop"] as TlsProxy | undefined,
              ),
            ] as const,
          ]
        : [],
    );
    const { conf, files } = withServers(
      String(apply?.["base"]),
      Object.fromEntries(lines),
      String(apply?.["secrets"]),
    );
    const beside = { ...(secrets as Record<string, string>), ...files };
    return { file: "nginx.conf", text: conf, beside };
  } catch (error) {
    if (!(error instanceof BuildError)) throw error;
    return { file: "error.txt", text: `${error.message}\n`, beside: {} };
  }
}

describe("stack config in, nginx config or error out", () => {
  test.each(CASES)("%s", async (folder) => {
    const { file, text, beside } = await outcomeOf(folder);
    await expect(text).toMatchFileSnapshot(join(ROOT, folder, file));
    const keys = beside[API_KEYS_FILE];
    if (keys) await expect(keys).toMatchFileSnapshot(join(ROOT, folder, API_KEYS_FILE));
    const others = { "nginx.conf": file === "error.txt", "error.txt": file === "nginx.conf" };
    for (const [other, absent] of Object.entries({ ...others, [API_KEYS_FILE]: !keys })) {
      if (absent) expect(existsSync(join(ROOT, folder, other)), `${folder}/${other}`).toBe(false);
    }
  });

  test("no folder holds anything but a stack's config and what comes of it", () => {
    const allowed = [
      ["nginx.conf", "stack.yaml"],
      ["api-keys.conf", "nginx.conf", "stack.yaml"],
      ["error.txt", "stack.yaml"],
    ];
    for (const folder of CASES) {
      expect(allowed).toContainEqual(readdirSync(join(ROOT, folder)).sort());
    }
  });
});

describe("nginx 1.30.6 itself", () => {
  /** The certificates that a config has from a folder of its host, which here is a test pair. */
  const mounted = (conf: string) => {
    const files = (name: string, content: string) =>
      everywhere(readNginx(conf), name).flatMap(({ args: [path = ""] }) =>
        path.startsWith("/") ? [[path, content] as const] : [],
      );
    return [
      ...files("ssl_certificate", TEST_CERTIFICATE),
      ...files("ssl_certificate_key", TEST_KEY),
    ];
  };

  test("accepts every golden config without a warning, as production runs it", async (context) => {
    const image = need(context, "OLLAMA_MESH_NGINX_IMAGE");
    const configs = new Map<string, WithFiles>();
    for (const folder of CASES) {
      const { file, text: conf, beside } = await outcomeOf(folder);
      if (file === "error.txt") continue;
      configs.set(folder, {
        conf,
        files: { ...beside, ...Object.fromEntries(mounted(conf)) },
      });
    }
    expect(configs.size).toBeGreaterThanOrEqual(40);
    const said = await testWithNginx(image, Object.fromEntries(configs));
    expect(said).toEqual(Object.fromEntries([...configs.keys()].map((name) => [name, ""])));
  }, 240_000);

  test("refuses a config with a mistake in it, so that acceptance means something", async (context) => {
    const image = need(context, "OLLAMA_MESH_NGINX_IMAGE");
    const { text: good } = await outcomeOf("three-names");
    const { text: keyless } = await outcomeOf("api-keys-lie-beside-the-config");
    const said = await testWithNginx(image, {
      backup: good.replace("least_conn;", "ip_hash;").replace(/server (.*);/, "server $1 backup;"),
      dollar: good.replace("weight=1", "weight=$weight"),
      keyless,
      good,
    });
    expect(said).toEqual({
      backup: expect.stringContaining("balancing method does not support parameter") as string,
      dollar: expect.stringContaining('invalid parameter "weight=$weight"') as string,
      keyless: expect.stringContaining('api-keys.conf" failed (2: No such file') as string,
      good: "",
    });
  }, 120_000);
});

describe("what the goldens show", () => {
  const golden = (folder: string) =>
    readNginx(readFileSync(join(ROOT, folder, "nginx.conf"), "utf8"));
  const group = (conf: Read[]) => inside(conf, "http", "upstream ollama");
  const servers = (folder: string) =>
    group(golden(folder))
      .filter(({ name }) => name === "server")
      .map(({ args }) => args.join(" "));
  const setting = (folder: string, name: string) =>
    everywhere(golden(folder), name).map(({ args }) => args.join(" "));

  beforeAll(() => {
    expect(CASES.length).toBeGreaterThanOrEqual(40);
  });

  test("nodes that are names alone get one equal line each, by the alphabet", () => {
    expect(servers("three-names").map((line) => line.replace(/^\S+ /, ""))).toEqual([
      "weight=1 max_fails=10 fail_timeout=2s",
      "weight=1 max_fails=10 fail_timeout=2s",
      "weight=1 max_fails=10 fail_timeout=2s",
    ]);
  });

  test("weight, backup and maintenance stand on the node's own line only", () => {
    expect(servers("weights-and-backup").map((line) => line.replace(/^\S+ /, ""))).toEqual([
      "weight=4 max_fails=10 fail_timeout=2s",
      "weight=1 max_fails=10 fail_timeout=2s",
      "weight=1 max_fails=10 fail_timeout=2s backup",
    ]);
    expect(servers("maintenance-is-down").map((line) => line.replace(/^\S+ /, ""))).toEqual([
      "weight=1 max_fails=10 fail_timeout=2s",
      "weight=1 max_fails=10 fail_timeout=2s down",
    ]);
  });

  test("the method stands before the servers, so that nginx checks backups against it", () => {
    const names = group(golden("ip-hash")).map(({ name }) => name);
    expect(names).toEqual([
      "zone",
      "ip_hash",
      "server",
      "server",
      "keepalive",
      "keepalive_requests",
      "keepalive_timeout",
    ]);
  });

  test("round robin is nginx's own and has no line", () => {
    const names = group(golden("round-robin-has-no-line")).map(({ name }) => name);
    expect(names).toEqual([
      "zone",
      "server",
      "server",
      "keepalive",
      "keepalive_requests",
      "keepalive_timeout",
    ]);
  });

  test("an IPv6 address stands in brackets, and is recognised as nginx prints it", () => {
    expect(servers("ipv6-node").map((line) => line.split(" ")[0])).toEqual([
      "[2001:db8::8]:11434",
      "[2001:DB8:0::7]:8000",
    ]);
    expect(inside(golden("ipv6-node"), "http", "map $mesh_upstream")).toEqual([
      { name: "default", args: [""] },
      { name: "[2001:db8::8]:11434", args: ["lower"] },
      { name: "[2001:db8::7]:8000", args: ["upper"] },
    ]);
  });

  test("declared limits and time-outs are the ones that nginx gets", () => {
    expect(setting("time-outs-and-tries", "proxy_connect_timeout")).toEqual(["2s"]);
    expect(setting("time-outs-and-tries", "proxy_read_timeout")).toEqual(["3600s"]);
    expect(setting("time-outs-and-tries", "proxy_send_timeout")).toEqual(["30s"]);
    expect(setting("time-outs-and-tries", "proxy_next_upstream_tries")).toEqual(["2"]);
    expect(setting("time-outs-and-tries", "proxy_next_upstream_timeout")).toEqual(["8s"]);
    expect(setting("large-bodies-many-workers", "client_max_body_size")).toEqual(["512m"]);
    expect(setting("large-bodies-many-workers", "worker_processes")).toEqual(["8"]);
  });

  test("ten mistakes of a stack are told at once, a line each", () => {
    const lines = readFileSync(join(ROOT, "ten-mistakes", "error.txt"), "utf8")
      .trim()
      .split("\n");
    expect(lines[0]).toBe("ollama-mesh: 10 problems in the configuration");
    expect(lines.slice(1).map((line) => line.slice(0, 2))).toEqual(Array(10).fill("  "));
  });

  test("no error shows what stands in `environment`, or a key or certificate", () => {
    for (const folder of CASES.filter((name) => existsSync(join(ROOT, name, "error.txt")))) {
      expect(readFileSync(join(ROOT, folder, "error.txt"), "utf8"), folder).not.toContain(
        "hunter2",
      );
    }
    expect(
      CASES.filter((name) =>
        readFileSync(join(ROOT, name, "stack.yaml"), "utf8").includes("hunter2"),
      ),
    ).toEqual([
      "keys-and-certificates-are-not-shown",
      "misplaced-secrets-are-not-shown",
      "secrets-are-not-shown",
    ]);
  });

  test.each([
    ["hash-by-uri", "hash", ["$request_uri", "consistent"]],
    ["hash-by-client", "hash", ["$binary_remote_addr", "consistent"]],
    ["hash-by-header", "hash", ["$http_x_session_id", "consistent"]],
    ["hash-by-cookie", "hash", ["$cookie_session", "consistent"]],
    ["hash-by-argument", "hash", ["$arg_user", "consistent"]],
    ["random", "random", []],
    ["random-two-least-conn", "random", ["two", "least_conn"]],
    ["ip-hash", "ip_hash", []],
  ])("%s: the method is %s %j, before the first server", (folder, name, args) => {
    expect(group(golden(folder)).slice(0, 3)).toEqual([
      { name: "zone", args: ["ollama", "64k"] },
      { name, args },
      expect.objectContaining({ name: "server" }),
    ]);
  });

  test("what is sticky stands after the method, which it wraps, and before the servers", () => {
    const names = (folder: string) => group(golden(folder)).map(({ name }) => name);
    expect(names("sticky-by-cookie").slice(0, 4)).toEqual([
      "zone",
      "least_conn",
      "sticky",
      "server",
    ]);
    const cookie = setting("sticky-by-cookie", "sticky")[0];
    expect(cookie).toBe("cookie mesh_node expires=3600s path=/ httponly samesite=lax");
    expect(setting("sticky-cookie-is-secure-behind-tls", "sticky")).toEqual([`${cookie} secure`]);
    expect(
      servers("drain-keeps-the-clients-that-stick").map((line) => line.endsWith(" drain")),
    ).toEqual([false, true]);
  });

  test("names are looked up again only where a resolver is declared, and addresses never", () => {
    const resolved = (folder: string) =>
      servers(folder).flatMap((line) => (/ resolve\b/.test(line) ? [line.split(" ")[0]] : []));
    expect(resolved("remote-hosts-by-name")).toEqual([]);
    expect(resolved("resolver-looks-names-up-again")).toEqual(["gpu1.lan:11434", "spare.lan:8000"]);
  });

  test("conditions, tries and budget of a retry are the declared ones", () => {
    const on = (folder: string) => {
      const all = inside(golden(folder), "http", "server");
      return all.filter(({ name }) => name === "proxy_next_upstream").map(({ args }) => args);
    };
    expect(on("strict-profile-has-no-non-idempotent")).toEqual([["error", "timeout"]]);
    expect(on("own-retry-conditions-take-the-place-of-the-profile")).toEqual([
      ["error", "timeout", "http_429", "http_500"],
    ]);
  });

  test("no config holds an API key or a private key", () => {
    for (const folder of CASES) {
      const file = join(ROOT, folder, "nginx.conf");
      const conf = existsSync(file) ? readFileSync(file, "utf8") : "";
      expect(conf, folder).not.toMatch(/test.key|PRIVATE KEY|BEGIN CERTIFICATE/i);
    }
  });
});
