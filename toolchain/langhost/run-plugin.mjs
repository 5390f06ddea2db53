// A package of components (PulumiPlugin.yaml) or of policies as a running plugin, by the runner of the SDK that it finds.
import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { join } from "node:path";

/**
 * Starts the plugin and passes on what it prints: the engine reads the plugin's port from its first line.
 *
 * @param {any} call a stream to the engine
 * @param {(fields: {Stdout?: Uint8Array, Stderr?: Uint8Array, Exitcode?: number}) => any} response
 * @returns {import("node:child_process").ChildProcess}
 */
export function runPlugin(call, response) {
  const { request } = call;
  const info = request.getInfo();
  const folder = info.getProgramDirectory();
  const isPolicyPack = request.getKind() === "analyzer";
  const runner = createRequire(join(folder, "package.json")).resolve(
    `@pulumi/pulumi/cmd/${isPolicyPack ? "run-policy-pack" : "run-plugin"}`,
  );
  const more = /** @type {string[]} */ (request.getEnvList()).map((pair) => {
    const end = pair.indexOf("=");
    return [pair.slice(0, end), pair.slice(end + 1)];
  });
  const args = /** @type {string[]} */ (request.getArgsList());
  // As the official host has it: a pack comes last, and runs in its own folder, whose package.json names its version.
  const words = isPolicyPack
    ? [...args, folder]
    : [join(folder, info.getEntryPoint() || "."), ...args];
  const child = spawn(process.execPath, [runner, ...words], {
    cwd: isPolicyPack ? folder : request.getPwd(),
    env: { ...process.env, ...Object.fromEntries(more) },
    stdio: ["ignore", "pipe", "pipe"],
  });
  /** @param {Parameters<typeof response>[0]} fields */
  const send = (fields) => {
    if (!call.cancelled) call.write(response(fields));
  };
  child.stdout.on("data", (chunk) => send({ Stdout: new Uint8Array(chunk) }));
  child.stderr.on("data", (chunk) => send({ Stderr: new Uint8Array(chunk) }));
  child.on("error", (error) => call.destroy(error));
  child.on("close", (code) => {
    send({ Exitcode: code ?? 1 });
    call.end();
  });
  call.on("cancelled", () => child.kill());
  return child;
}
