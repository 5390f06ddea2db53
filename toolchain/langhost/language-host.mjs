// ollama-mesh's own Node language host, used only where the official one cannot be downloaded.
// It speaks the engine's LanguageRuntime service with the protocol files inside @pulumi/pulumi.
// The engine gives its address as the last argument and reads our port from the first line we print.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

import { installedPackages, neededPlugins } from "./dependencies.mjs";
import { runPlugin } from "./run-plugin.mjs";

const DESCRIPTION =
  "ollama-mesh's own Node language host, used only where the official one cannot be downloaded";

if (process.argv.includes("--version")) {
  console.log(DESCRIPTION);
  process.exit();
}

/** Exit code of the SDK's runner when it has told the user all there is to tell. */
const ALREADY_REPORTED = 32;

/**
 * The program's own SDK. The engine starts a language host in the project's folder, or names that in a flag.
 *
 * @returns {NodeJS.Require}
 */
function programSdk() {
  const { root = process.cwd() } = Object.fromEntries(
    process.argv.flatMap((word) => [/^-{1,2}([\w-]+)=(.*)$/.exec(word)?.slice(1) ?? []]),
  );
  for (const folder of [root, process.cwd()]) {
    try {
      const from = createRequire(join(folder, "package.json"));
      return createRequire(from.resolve("@pulumi/pulumi/package.json"));
    } catch {
      // not here
    }
  }
  console.error(`no @pulumi/pulumi in ${root}: run npm ci there first`);
  process.exit(1);
}

// The protocol files are generated code without usable types, so they stay `any` on purpose.
const sdk = programSdk();
const grpc = sdk("@grpc/grpc-js");
const language = sdk("./proto/language_pb.js");
const plugin = sdk("./proto/plugin_pb.js");
const { Empty } = sdk("google-protobuf/google/protobuf/empty_pb.js");
const { LanguageRuntimeService } = sdk("./proto/language_grpc_pb.js");

let engine = process.argv.at(-1);
const children = /** @type {Set<import("node:child_process").ChildProcess>} */ (new Set());

/**
 * The command line of the SDK's runner.
 *
 * @param {any} request
 */
function runnerArguments(request) {
  const info = request.getInfo();
  const options = info.getOptions()?.toJavaScript() ?? {};
  const flags = {
    monitor: request.getMonitorAddress(),
    engine,
    organization: request.getOrganization(),
    project: request.getProject(),
    "root-directory": info.getRootDirectory(),
    stack: request.getStack(),
    pwd: request.getPwd(),
    parallel: String(request.getParallel()),
  };
  const program = createRequire(join(info.getProgramDirectory(), "package.json"));
  return [
    ...(options.nodeargs ? options.nodeargs.split(/\s+/) : []),
    program.resolve("@pulumi/pulumi/cmd/run"),
    ...Object.entries(flags).flatMap(([key, value]) => (value ? [`--${key}`, value] : [])),
    ...(request.getDryrun() ? ["--dry-run"] : []),
    info.getEntryPoint() || ".",
    ...request.getArgsList(),
  ];
}

/** @param {any} request */
function run(request) {
  const options = request.getInfo().getOptions()?.toJavaScript() ?? {};
  const env = {
    ...process.env,
    PULUMI_CONFIG: JSON.stringify(Object.fromEntries(request.getConfigMap().toObject())),
    PULUMI_CONFIG_SECRET_KEYS: JSON.stringify(request.getConfigsecretkeysList()),
    PULUMI_NODEJS_TYPESCRIPT: String(options.typescript ?? true),
    ...(options.tsconfig ? { PULUMI_NODEJS_TSCONFIG_PATH: options.tsconfig } : {}),
  };
  return new Promise((resolve) => {
    const response = new language.RunResponse();
    const child = spawn(process.execPath, runnerArguments(request), {
      env,
      cwd: request.getPwd(),
      stdio: ["ignore", "inherit", "inherit"],
    });
    children.add(child);
    child.on("error", (error) => {
      response.setError(`cannot start the program: ${error.message}`);
      resolve(response);
    });
    child.on("exit", (code, signal) => {
      children.delete(child);
      if (code === ALREADY_REPORTED) response.setBail(true);
      else if (code !== 0) {
        response.setError(`program exited with ${signal ?? `non-zero exit code: ${code}`}`);
      }
      resolve(response);
    });
  });
}

/** @param {any} call a stream of what npm says */
function installDependencies(call) {
  const cwd = call.request.getDirectory();
  const verb = existsSync(join(cwd, "package-lock.json")) ? "ci" : "install";
  const child = spawn("npm", [verb], { cwd, stdio: ["ignore", "pipe", "pipe"] });
  /** @param {import("node:stream").Readable} stream @param {"setStdout" | "setStderr"} set */
  const forward = (stream, set) =>
    stream.on("data", (chunk) => {
      const response = new language.InstallDependenciesResponse();
      response[set](new Uint8Array(chunk));
      call.write(response);
    });
  forward(child.stdout, "setStdout");
  forward(child.stderr, "setStderr");
  child.on("error", (error) => call.destroy(error));
  child.on("close", (code) => {
    if (code === 0) return call.end();
    const error = new Error(`npm ${verb} ended with code ${code}`);
    call.destroy(Object.assign(error, { code: grpc.status.INTERNAL }));
  });
}

/**
 * Answers a unary call with what the function returns, or with its error.
 *
 * @param {(request: any) => unknown} answer
 */
const unary =
  (answer) =>
  async (/** @type {any} */ call, /** @type {(...reply: unknown[]) => void} */ reply) => {
    try {
      reply(null, await answer(call.request));
    } catch (error) {
      const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
      reply({ code: grpc.status.INTERNAL, message });
    }
  };

/**
 * A protocol message with the given fields set.
 *
 * @param {new () => any} Message
 * @param {Record<string, unknown>} fields
 */
function message(Message, fields) {
  const made = new Message();
  for (const [name, value] of Object.entries(fields)) made[`set${name}`](value);
  return made;
}

const handlers = {
  handshake: unary((request) => {
    engine = request.getEngineAddress();
    return new language.LanguageHandshakeResponse();
  }),
  getPluginInfo: unary(() =>
    message(plugin.PluginInfo, { Version: sdk("./package.json").version }),
  ),
  getRequiredPackages: unary((request) =>
    message(language.GetRequiredPackagesResponse, {
      PackagesList: neededPlugins(request.getInfo().getProgramDirectory()).map((needed) =>
        message(plugin.PackageDependency, {
          Kind: "resource",
          Name: needed.name,
          Version: needed.version,
          Server: needed.server,
        }),
      ),
    }),
  ),
  run: unary(run),
  about: unary(() =>
    message(language.AboutResponse, {
      Executable: process.execPath,
      Version: `${process.version} (${DESCRIPTION})`,
    }),
  ),
  getProgramDependencies: unary((request) => {
    const folder = request.getInfo().getProgramDirectory();
    const found = installedPackages(folder, request.getTransitivedependencies());
    return message(language.GetProgramDependenciesResponse, {
      DependenciesList: [...found].map(([name, { version }]) =>
        message(language.DependencyInfo, { Name: name, Version: version }),
      ),
    });
  }),
  runtimeOptionsPrompts: unary(() => new language.RuntimeOptionsResponse()),
  installDependencies,
  runPlugin: (/** @type {any} */ call) => {
    const child = runPlugin(call, (fields) => message(language.RunPluginResponse, fields));
    children.add(child);
    child.on("close", () => children.delete(child));
  },
  cancel: unary(() => {
    for (const child of children) child.kill();
    return new Empty();
  }),
};

const unlimited = { "grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1 };
const server = new grpc.Server(unlimited);
server.addService(LanguageRuntimeService, handlers);
server.bindAsync(
  "127.0.0.1:0",
  grpc.ServerCredentials.createInsecure(),
  (/** @type {Error | null} */ error, /** @type {number} */ port) => {
    if (error) throw error;
    console.log(port);
  },
);

// The engine ends us when it is done; should it die first, its orphan must not stay.
const parent = process.ppid;
setInterval(() => process.ppid === parent || process.exit(1), 1000).unref();
