// A stack config as a user writes it goes in; the whole nginx config, or the exact error, comes out.
// Each folder's name is the claim. It goes the way of `pulumi up`: index.ts reads the config, and the
// text is what the steps are handed.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { beforeAll, describe, expect, test, vi } from "vitest";

import { withServers } from "../templates/nginx-conf.ts";
import { admitted } from "./support/admitted.ts";
import { BuildError, record, stepInput } from "./support/mocks.ts";
import { need } from "./support/needs.ts";
import { everywhere, inside, readNginx, type Read } from "./support/nginx-tokens.ts";
import { testWithNginx } from "./support/nginx.ts";
import { parseYaml } from "./support/yaml.ts";

const ROOT = join(import.meta.dirname, "golden");
const CASES = readdirSync(ROOT).sort();

/** What Pulumi's CLI hands to a program: the stack's config over the defaults of Pulumi.yaml. */
function configOf(folder: string): Record<string, string> {
  const project = parseYaml(
    readFileSync(join(import.meta.dirname, "..", "Pulumi.yaml"), "utf8"),
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

/** Runs index.ts with a stack's config: the config that nginx gets once every node is admitted. */
async function outcomeOf(folder: string): Promise<{ file: string; text: string }> {
  vi.resetModules();
  try {
    const { resources } = await record(() => import("../index.ts"), {
      stack: "golden",
      config: configOf(folder),
    });
    const steps = resources.filter(({ type }) => type === "command:local:Command").map(stepInput);
    const apply = steps.find((input) => "base" in input);
    const lines = steps.flatMap((input) =>
      "line" in input
        ? [
            [
              String(input["node"]),
              admitted(String(input["line"]), {
                address: String(input["address"]),
                port: Number(input["port"]),
              }),
            ] as const,
          ]
        : [],
    );
    const { conf } = withServers(String(apply?.["base"]), Object.fromEntries(lines));
    return { file: "nginx.conf", text: conf };
  } catch (error) {
    if (!(error instanceof BuildError)) throw error;
    return { file: "error.txt", text: `${error.message}\n` };
  }
}

describe("stack config in, nginx config or error out", () => {
  test.each(CASES)("%s", async (folder) => {
    const { file, text } = await outcomeOf(folder);
    await expect(text).toMatchFileSnapshot(join(ROOT, folder, file));
    const other = file === "error.txt" ? "nginx.conf" : "error.txt";
    expect(existsSync(join(ROOT, folder, other)), `${folder}/${other}`).toBe(false);
  });

  test("no folder holds anything but a stack's config and what comes of it", () => {
    const allowed = [
      ["nginx.conf", "stack.yaml"],
      ["error.txt", "stack.yaml"],
    ];
    for (const folder of CASES) {
      expect(allowed).toContainEqual(readdirSync(join(ROOT, folder)).sort());
    }
  });
});

describe("nginx 1.30.6 itself", () => {
  const confs = Object.fromEntries(
    CASES.filter((folder) => existsSync(join(ROOT, folder, "nginx.conf"))).map((folder) => [
      folder,
      readFileSync(join(ROOT, folder, "nginx.conf"), "utf8"),
    ]),
  );

  test("accepts every golden config without a warning, as production runs it", async (context) => {
    const image = need(context, "OLLAMA_MESH_NGINX_IMAGE");
    const said = await testWithNginx(image, confs);
    expect(said).toEqual(Object.fromEntries(Object.keys(confs).map((name) => [name, ""])));
  }, 120_000);

  test("refuses a config with a mistake in it, so that acceptance means something", async (context) => {
    const image = need(context, "OLLAMA_MESH_NGINX_IMAGE");
    const good = Object.values(confs)[0]!;
    const said = await testWithNginx(image, {
      backup: good.replace("least_conn;", "ip_hash;").replace(/server (.*);/, "server $1 backup;"),
      dollar: good.replace("weight=1", "weight=$weight"),
      good,
    });
    expect(said).toEqual({
      backup: expect.stringContaining("balancing method does not support parameter") as string,
      dollar: expect.stringContaining('invalid parameter "weight=$weight"') as string,
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
    expect(CASES.length).toBeGreaterThanOrEqual(15);
  });

  test("nodes that are names alone get one equal line each, by the alphabet", () => {
    expect(servers("three-names").map((line) => line.replace(/^\S+ /, ""))).toEqual([
      "weight=1 max_fails=3 fail_timeout=5s",
      "weight=1 max_fails=3 fail_timeout=5s",
      "weight=1 max_fails=3 fail_timeout=5s",
    ]);
  });

  test("weight, backup and maintenance stand on the node's own line only", () => {
    expect(servers("weights-and-backup").map((line) => line.replace(/^\S+ /, ""))).toEqual([
      "weight=4 max_fails=3 fail_timeout=5s",
      "weight=1 max_fails=3 fail_timeout=5s",
      "weight=1 max_fails=3 fail_timeout=5s backup",
    ]);
    expect(servers("maintenance-is-down").map((line) => line.replace(/^\S+ /, ""))).toEqual([
      "weight=1 max_fails=3 fail_timeout=5s",
      "weight=1 max_fails=3 fail_timeout=5s down",
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
      "keepalive_timeout",
    ]);
  });

  test("round robin is nginx's own and has no line", () => {
    const names = group(golden("round-robin-has-no-line")).map(({ name }) => name);
    expect(names).toEqual(["zone", "server", "server", "keepalive", "keepalive_timeout"]);
  });

  test("an IPv6 address stands in brackets, and is recognised as nginx prints it", () => {
    expect(servers("ipv6-node").map((line) => line.split(" ")[0])).toEqual([
      "[2001:db8::8]:11434",
      "[2001:DB8:0::7]:8000",
    ]);
    const names = inside(golden("ipv6-node"), "http", "map $upstream_addr");
    const named = (address: string) =>
      names.filter(({ name }) => name !== "default" && new RegExp(name.slice(1)).test(address));
    expect(named("[2001:db8::7]:8000").map(({ args }) => args)).toEqual([["upper"]]);
    expect(named("10.0.0.1:1, [2001:db8::8]:11434").map(({ args }) => args)).toEqual([["lower"]]);
    expect(named("[2001:db8::8]:114345")).toEqual([]);
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

  test("no error shows what stands in `environment`", () => {
    for (const folder of CASES.filter((name) => existsSync(join(ROOT, name, "error.txt")))) {
      expect(readFileSync(join(ROOT, folder, "error.txt"), "utf8"), folder).not.toContain(
        "hunter2",
      );
    }
    expect(
      CASES.filter((name) =>
        readFileSync(join(ROOT, name, "stack.yaml"), "utf8").includes("hunter2"),
      ),
    ).toEqual(["misplaced-secrets-are-not-shown", "secrets-are-not-shown"]);
  });
});
