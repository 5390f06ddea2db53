// A stack config as a user writes it goes in; the whole nginx config, or the exact error, comes out.
// Each folder's name is the claim. Of most configs the folder holds what is special about them: how they differ
// from a plain one. Every one is rendered whole, and read whole by nginx.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import { API_KEYS_FILE } from "../../templates/front/api-keys.ts";
import { need } from "../support/needs.ts";
import { everywhere, readNginx } from "../support/nginx-tokens.ts";
import { testWithNginx, type WithFiles } from "../support/nginx.ts";
import { TEST_CERTIFICATE, TEST_KEY } from "../support/test-certificate.ts";
import { confDiff, type Hashed, withoutHash } from "./conf-diff.ts";
import { CASES, confOf, outcomeOf, ROOT } from "./outcome.ts";

/** For a test that makes every case when it runs alone, on a busy machine. */
const ALL_MS = 240_000;

/** The plainest configs, with Ollama's routes and without, which the others are compared with. */
const PLAIN = ["three-names", "article-002-fastapi-with-a-backup"];

/** Configs that are kept whole: the plainest, and one for each part of a config that others have not. */
const WHOLE = [
  ...PLAIN,
  "article-000-mesh-of-three",
  "article-003-backup-and-limits-behind-tls",
  "everything-at-once",
  "ipv6-node",
  "nodes-for-the-balancer-only",
  "tls-to-a-node-is-verified",
];

/** What a case's folder holds besides its stack.yaml: text by file. */
async function filesOf(folder: string): Promise<Record<string, string>> {
  const outcome = await outcomeOf(folder);
  if ("error" in outcome) return { "error.txt": outcome.error };
  const keys = outcome.beside[API_KEYS_FILE];
  return {
    ...(WHOLE.includes(folder)
      ? { "nginx.conf": withoutHash(outcome) }
      : { "nginx.diff": await differenceOf(folder, outcome) }),
    ...(keys === undefined ? {} : { [API_KEYS_FILE]: keys }),
  };
}

/** How a config differs from the plain one that it is nearer to. */
async function differenceOf(folder: string, own: Hashed): Promise<string> {
  const differences = [];
  for (const plain of PLAIN) {
    const outcome = await outcomeOf(plain);
    if ("error" in outcome) throw new Error(`${plain} has no config: ${outcome.error}`);
    differences.push(confDiff([plain, folder], outcome, own));
  }
  return differences.reduce((a, b) => (b.length < a.length ? b : a));
}

describe("stack config in, nginx config or error out", () => {
  test.each(CASES)("%s", async (folder) => {
    for (const [file, text] of Object.entries(await filesOf(folder))) {
      await expect(text).toMatchFileSnapshot(join(ROOT, folder, file));
    }
  });

  test(
    "no folder holds anything but a stack's config and what comes of it",
    async () => {
      for (const folder of CASES) {
        const files = ["stack.yaml", ...Object.keys(await filesOf(folder))];
        const others = readdirSync(join(ROOT, folder)).filter((file) => !files.includes(file));
        expect(others, folder).toEqual([]);
      }
      expect(CASES).toEqual(expect.arrayContaining(WHOLE));
    },
    ALL_MS,
  );

  test("ten mistakes of a stack are told at once, a line each", async () => {
    const outcome = await outcomeOf("ten-mistakes");
    const lines = "error" in outcome ? outcome.error.trim().split("\n") : [];
    expect(lines[0]).toBe("ollama-mesh: 10 problems in the configuration");
    expect(lines.slice(1).map((line) => line.slice(0, 2))).toEqual(Array(10).fill("  "));
  });

  test(
    "no error shows what stands in `environment`, or a key or certificate",
    async () => {
      const errors = [];
      for (const folder of CASES) {
        const outcome = await outcomeOf(folder);
        if ("error" in outcome) errors.push(outcome.error);
      }
      expect(errors.length).toBeGreaterThanOrEqual(40);
      expect(errors.filter((error) => error.includes("hunter2"))).toEqual([]);
      expect(
        CASES.filter((name) =>
          readFileSync(join(ROOT, name, "stack.yaml"), "utf8").includes("hunter2"),
        ),
      ).toEqual([
        "keys-and-certificates-are-not-shown",
        "misplaced-secrets-are-not-shown",
        "secrets-are-not-shown",
      ]);
    },
    ALL_MS,
  );

  test(
    "no config holds an API key or a private key",
    async () => {
      for (const folder of CASES) {
        const outcome = await outcomeOf(folder);
        expect("error" in outcome ? "" : outcome.conf, folder).not.toMatch(
          /test.key|PRIVATE KEY|BEGIN CERTIFICATE/i,
        );
      }
    },
    ALL_MS,
  );
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

  /** The module for traces is in no package that the lab has: what stands around its directives is read without it. */
  const withoutOtel = (conf: string) =>
    conf
      .replace("load_module modules/ngx_otel_module.so;\n", "")
      .replace(/^ *otel_exporter \{[^}]*\}\n/m, "")
      .replaceAll(/^ *otel_\w+ .*;\n/gm, "")
      .replaceAll(/\$otel_\w+/g, "$request_id");

  test(
    "accepts every golden config without a warning, as production runs it",
    async (context) => {
      const image = need(context, "OLLAMA_MESH_NGINX_IMAGE");
      const configs = new Map<string, WithFiles>();
      for (const folder of CASES) {
        const outcome = await outcomeOf(folder);
        if ("error" in outcome) continue;
        const { beside } = outcome;
        const conf = withoutOtel(outcome.conf);
        configs.set(folder, { conf, files: { ...beside, ...Object.fromEntries(mounted(conf)) } });
      }
      expect(configs.size).toBeGreaterThanOrEqual(70);
      const said = await testWithNginx(image, Object.fromEntries(configs));
      expect(said).toEqual(Object.fromEntries([...configs.keys()].map((name) => [name, ""])));
    },
    ALL_MS,
  );

  test("refuses a config with a mistake in it, so that acceptance means something", async (context) => {
    const image = need(context, "OLLAMA_MESH_NGINX_IMAGE");
    const good = await confOf("plain-routing-is-nginx-alone");
    const keyless = await confOf("api-keys-lie-beside-the-config");
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
