import { execFile } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";

import { afterEach, beforeEach, expect, test } from "vitest";

import type * as stackModule from "../../lab/stack.mjs";
import { ensureToolchain } from "../../toolchain/ensure.mjs";

const ROOT = join(import.meta.dirname, "..", "..");
const COMMITTED = `config:
  ollama-mesh:nodes:
    - name: one
  ollama-mesh:balancer:
    listen:
      port: 11434
`;

let checkout: string;

beforeEach(() => {
  checkout = mkdtempSync(join(tmpdir(), "lab checkout "));
  for (const name of ["lab", "toolchain", "package.json", "Pulumi.yaml"]) {
    cpSync(join(ROOT, name), join(checkout, name), { recursive: true });
  }
  writeFileSync(join(checkout, "Pulumi.lab.yaml"), COMMITTED);
});

afterEach(() => rmSync(checkout, { recursive: true, force: true }));

/** Runs one of the lab's commands in the checkout. */
async function lab(command: string, ...args: string[]) {
  const ran = promisify(execFile)(process.execPath, [join(checkout, "lab", command), ...args]);
  return ran.then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    ({ code, stdout, stderr }) => ({ code: code as number, stdout, stderr }),
  );
}

test.each(["up.mjs", "down.mjs", "lan/up.mjs", "lan/down.mjs"])(
  "%s explains itself with --help and refuses what it does not know",
  async (command) => {
    const help = await lab(command, "--help");
    expect(help).toMatchObject({ code: 0, stderr: "" });
    expect(help.stdout).toMatch(/^npm run la[bn]/);
    const refused = await lab(command, "--nonsense");
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(/^Unknown option '--nonsense'/);
  },
);

test("an impossible port is refused before anything is done", async () => {
  const refused = await lab("up.mjs", "--port", "70000");
  expect(refused).toMatchObject({
    code: 1,
    stdout: "",
    stderr: "\n--port must be 1-65535, got 70000\n",
  });
  expect(existsSync(join(checkout, ".lab"))).toBe(false);
});

test("down without a lab says so, is no failure and leaves nothing behind", async () => {
  const down = await lab("down.mjs");
  expect(down).toMatchObject({ code: 0, stderr: "" });
  expect(down.stdout).toContain('There is no stack "lab" here: nothing to take down.');
  expect(existsSync(join(checkout, ".lab"))).toBe(false);
});

test(
  "what holds on this machine only is written below .lab, never into the committed config",
  { timeout: 900_000 },
  async () => {
    const { LabStack } = (await import(join(checkout, "lab", "stack.mjs"))) as typeof stackModule;
    const stack = new LabStack("lab");
    const file = join(checkout, ".lab", "Pulumi.lab.yaml");
    const salt = () => /^encryptionsalt: (.+)$/m.exec(readFileSync(file, "utf8"))?.[1];
    const toolchain = { ...(await ensureToolchain()) };
    delete toolchain["PULUMI_CONFIG_PASSPHRASE"];
    delete toolchain["PULUMI_CONFIG_PASSPHRASE_FILE"];

    const env = await stack.environment(toolchain);
    await stack.configure(env, {
      image: "some/ollama:1",
      "models[0]": "tiny",
      "balancer.image": "some/nginx:1",
    });
    expect(await stack.setting(env, "image")).toBe("some/ollama:1");
    expect(await stack.setting(env, "models[0]")).toBe("tiny");
    expect(await stack.setting(env, "balancer.image")).toBe("some/nginx:1");
    expect(await stack.setting(env, "balancer.listen.port")).toBe("11434");
    expect(statSync(join(checkout, ".lab", "passphrase")).mode & 0o777).toBe(0o600);
    const first = salt();
    expect(first).toMatch(/^v1:/);

    writeFileSync(join(checkout, "Pulumi.lab.yaml"), COMMITTED.replace("11434", "11500"));
    const again = await stack.environment(toolchain);
    await stack.configure(again, { image: "some/ollama:2" });
    expect(await stack.setting(again, "image")).toBe("some/ollama:2");
    expect(await stack.setting(again, "balancer.listen.port")).toBe("11500");
    expect(await stack.setting(again, "models[0]")).toBeUndefined();
    expect(salt()).toBe(first);
    expect(readFileSync(join(checkout, "Pulumi.lab.yaml"), "utf8")).toBe(
      COMMITTED.replace("11434", "11500"),
    );

    writeFileSync(join(checkout, ".lab", "notes"), "not the lab's");
    await stack.forget();
    expect(existsSync(join(checkout, ".lab", "notes"))).toBe(true);
    expect(existsSync(join(checkout, ".lab", "state"))).toBe(false);
  },
);

test("a killed run does not keep the stack for ever, and one that goes on does", async () => {
  const { LabStack } = (await import(join(checkout, "lab", "stack.mjs"))) as typeof stackModule;
  const stack = new LabStack("lab");
  const toolchain = await ensureToolchain();
  const env = await stack.environment(toolchain);
  const locks = join(checkout, ".lab/state/.pulumi/locks/organization/ollama-mesh/lab");
  mkdirSync(locks, { recursive: true });
  const { stdout: gone } = await promisify(execFile)("sh", ["-c", "echo $$"]);
  const lock = (name: string, pid: number) =>
    writeFileSync(join(locks, name), JSON.stringify({ pid, username: "me", hostname: hostname() }));
  lock("killed.json", Number(gone));
  lock("goes-on.json", process.pid);
  writeFileSync(join(locks, "cut.json"), "{");
  await stack.environment(toolchain);
  expect(readdirSync(locks).sort()).toEqual(["cut.json", "goes-on.json"]);

  rmSync(join(locks, "cut.json"));
  const held = ["--cwd", join(checkout, ".lab"), "stack", "rm", "--yes", "--stack", "lab"];
  const refused = promisify(execFile)("pulumi", [...held, "--non-interactive"], { env });
  await expect(refused).rejects.toThrow("goes-on.json");
});

test("the checkout's folder may be called what means something else in an address", async () => {
  const odd = join(checkout, "c# 100%20 why?");
  for (const name of ["lab", "toolchain", "package.json", "Pulumi.yaml"]) {
    cpSync(join(checkout, name), join(odd, name), { recursive: true });
  }
  const module = pathToFileURL(join(odd, "lab", "stack.mjs")).href;
  const script = `
    import { LabStack } from ${JSON.stringify(module)};
    const stack = new LabStack("lab");
    await stack.environment(process.env);
    console.log(stack.exists());`;
  const env = await ensureToolchain();
  const args = ["--input-type=module", "--eval", script];
  expect((await promisify(execFile)(process.execPath, args, { env })).stdout).toBe("true\n");
  expect(existsSync(join(odd, ".lab", "state", ".pulumi"))).toBe(true);
});
