import { spawn } from "node:child_process";
import { dockerEngine, dockerEnvironment, DockerError } from "./docker-engine.ts";
import { engineArgs } from "./engine-tls.ts";
import { manifestPath, MODELS_FOLDER, type StoredModel } from "./model-store.ts";
import type { ModelSource } from "./model-source.ts";
import { progress, StepError } from "./step-error.ts";

const COPY_SECONDS = 24 * 3600;

/** The store that a model is copied into, by the container that has it mounted. */
export interface CopyTarget {
  endpoint: string;
  container: string;
}

// A `docker exec` over ssh costs from a third of a second up, so a model is one of them.

/**
 * Gets the parts "sha256-…/bytes" of a model from a host and port (none: they lie in `lan` already), each
 * verified before it is moved to where Ollama takes it at its word, then writes the manifest. What was
 * cut goes on where it ended, in a later run too. On stdin the token's line, then the manifest.
 */
const COPY = String.raw`
read -r token
host=$1 port=$2 manifest=manifests/$3
shift 3
mkdir -p blobs lan "$(dirname "$manifest")"
size() { stat -c %s "$1" 2>/dev/null; }
fetch() {
  { exec 3<>"/dev/tcp/$host/$port"; } 2>/dev/null || return
  printf '%s %s %s\n' "$token" "$file" "$(size "lan/$file")" >&3
  ( while sleep 10; do echo "at $(size "lan/$file") of $bytes"; done ) & monitor=$!
  cat <&3 >> "lan/$file"
  kill "$monitor"; exec 3>&-
}
for part; do
  file=$(dirname "$part") bytes=$(basename "$part")
  [ "$(size "blobs/$file")" = "$bytes" ] && continue
  touch "lan/$file"
  for try in 1 2 3; do
    [ "$(size "lan/$file")" = "$bytes" ] || [ -z "$host" ] || fetch
  done
  [ "$(size "lan/$file")" = "$bytes" ] || { echo "$file did not arrive as a whole" >&2; exit 66; }
  echo "$(echo "$file" | cut -d- -f2)  lan/$file" | sha256sum -c --status || {
    rm -f "lan/$file"; echo "$file is not what its digest says" >&2; exit 65
  }
  mv "lan/$file" "blobs/$file"
  echo "copied $bytes"
done
cat > "$manifest.new" && mv "$manifest.new" "$manifest"`;

/** Of each part how much is there: everything, what arrived before it was cut, or nothing. */
const SIZES = String.raw`
mkdir -p blobs lan
for part; do
  file=$(dirname "$part")
  echo "$file $(stat -c %s "blobs/$file" 2>/dev/null || stat -c %s "lan/$file" 2>/dev/null || echo 0)"
done`;

/**
 * Copies a model from another host: directly where its address is known and reached, else through this
 * machine.
 *
 * @returns bytes that were copied; parts that are there already are not
 * @throws StepError when neither way led to a whole model
 */
export async function copyModel(
  target: CopyTarget,
  source: ModelSource,
  fullName: string,
  model: StoredModel,
): Promise<number> {
  if (source.listener) {
    try {
      return await put(target, fullName, model, source.listener);
    } catch (error) {
      if (!(error instanceof DockerError)) throw error;
      progress(
        `${fullName}: ${error.stderr.trim().split("\n").at(-1)}; trying through this machine`,
      );
    }
  }
  const before = await relayAll(target, source, model);
  await put(target, fullName, model);
  return before;
}

/** Runs COPY; without a listener it only verifies what lies in `lan`. */
async function put(
  target: CopyTarget,
  fullName: string,
  { manifest, blobs }: StoredModel,
  listener?: ModelSource["listener"],
): Promise<number> {
  const { address = "", port = "", token = "" } = listener ?? {};
  const parts = blobs.map(({ file, size }) => `${file}/${size}`);
  let copied = 0;
  await inTarget(
    target,
    [COPY, "bash", address, String(port), manifestPath(fullName), ...parts],
    `${token}\n${manifest}`,
    (line) => {
      const [, done] = /^copied (\d+)$/.exec(line) ?? [];
      if (done) copied += Number(done);
      const [, at, of] = /^at (\d+) of (\d+)$/.exec(line) ?? [];
      if (at) progress(`${fullName}: ${Math.floor((100 * Number(at)) / Number(of))}% copied`);
    },
  );
  return copied;
}

async function relayAll(target: CopyTarget, source: ModelSource, { blobs }: StoredModel) {
  const parts = blobs.map(({ file, size }) => `${file}/${size}`);
  const table = await inTarget(target, [SIZES, "bash", ...parts]);
  const there = new Map(
    table
      .trim()
      .split("\n")
      .map((line) => line.split(" ") as [string, string]),
  );
  let bytes = 0;
  for (const { file, size } of blobs) {
    const offset = Number(there.get(file));
    if (offset >= size) continue;
    await relay(target, source, file, offset);
    bytes += size - offset;
  }
  return bytes;
}

/** The rest of a part, from one host's engine to the other's. */
async function relay(target: CopyTarget, source: ModelSource, file: string, offset: number) {
  const run = (endpoint: string, args: string[]) =>
    spawn("docker", [...engineArgs(endpoint), "exec", "-i", "--workdir", MODELS_FOLDER, ...args], {
      env: dockerEnvironment(),
      stdio: ["pipe", "pipe", "inherit"],
    });
  const read = ["tail", "-c", `+${offset + 1}`, `blobs/${file}`];
  const from = run(source.endpoint, [source.container, ...read]);
  const write = ["sh", "-c", 'cat >> "$0"', `lan/${file}`];
  const into = run(target.endpoint, [target.container, ...write]);
  from.stdin.end();
  into.stdin.on("error", () => {}); // its end says more
  from.stdout.pipe(into.stdin);
  const ended = (child: typeof from) =>
    new Promise<number | null>((resolve, reject) => {
      child.on("error", reject).on("close", resolve);
    });
  const codes = await Promise.all([ended(from), ended(into)]);
  if (codes.some((code) => code !== 0)) throw new StepError("the connection to a host broke");
}

const inTarget = (
  target: CopyTarget,
  script: string[],
  input = "",
  onLine?: (line: string) => void,
) =>
  dockerEngine(target.endpoint).docker(
    ["exec", "-i", "--workdir", MODELS_FOLDER, target.container, "bash", "-c", ...script],
    { input, timeoutSeconds: COPY_SECONDS, ...(onLine ? { onLine } : {}) },
  );
