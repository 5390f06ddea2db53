import { dockerEngine, DockerError } from "../engine/docker-engine.ts";
import { percent, relay, type CopyTarget } from "./model-relay.ts";
import type { ModelSource } from "./model-source.ts";
import { manifestPath, MODELS_FOLDER, type Blob, type StoredModel } from "./model-store.ts";
import { progress, StepError } from "../step-error.ts";

const COPY_SECONDS = 24 * 3600;

/** Exit codes of COPY: a part is not what its digest says, and was begun by this run, or by an earlier one. */
const DAMAGED = 65;
const DAMAGED_BEFORE = 67;

/** A copy that did not become whole. What arrived is kept, unless it was damaged. */
export class CopyFailed extends StepError {
  /** Whether bytes came that were not there before: then another try brings more. */
  readonly gotFurther: boolean;

  constructor(message: string, gotFurther: boolean) {
    super(message);
    this.name = "CopyFailed";
    this.gotFurther = gotFurther;
  }
}

// A `docker exec` over ssh costs from a third of a second up, so a model is one of them.

/**
 * Gets the parts "sha256-…/bytes" of a model from a host and port (none: they lie in `lan` already), each
 * verified before it is moved to where Ollama takes it at its word, then writes the manifest. What was
 * cut goes on where it ended, in a later run too, for as long as more comes. A source that loses its power says
 * nothing, hence the time limits. On stdin the token's line, then the manifest.
 */
const COPY = String.raw`
read -r token
host=$1 port=$2 manifest=manifests/$3
shift 3
mkdir -p blobs lan "$(dirname "$manifest")"
size() { stat -c %s "$1" 2>/dev/null; }
watch() {
  exec 3>&-
  still=0
  # It outlives this, and must hold nothing open meanwhile.
  while sleep 10 > /dev/null 2>&1; do
    was=$at at=$(size "lan/$file")
    echo "at $at of $bytes"
    [ "$at" = "$was" ] && still=$((still + 1)) || still=0
    [ "$still" -lt 3 ] || kill "$copy"
  done
}
fetch() {
  timeout 10 bash -c ': <>"/dev/tcp/$0/$1"' "$host" "$port" 2>/dev/null || return
  { exec 3<>"/dev/tcp/$host/$port"; } 2>/dev/null || return
  printf '%s %s %s\n' "$token" "$file" "$at" >&3
  cat <&3 >> "lan/$file" & copy=$!
  watch & monitor=$!
  echo "$$ $copy $monitor" > /tmp/copying
  wait "$copy" 2>/dev/null
  rm /tmp/copying; kill "$monitor"; exec 3>&-
}
for part; do
  file=$(dirname "$part") bytes=$(basename "$part")
  [ "$(size "blobs/$file")" = "$bytes" ] && continue
  touch "lan/$file"
  begun=$(size "lan/$file") left=2
  while at=$(size "lan/$file"); [ -n "$host" ] && [ "$at" != "$bytes" ] && [ "$left" -gt 0 ]; do
    fetch
    if [ "$(size "lan/$file")" -gt "$at" ]; then left=2; else left=$((left - 1)); sleep 1; fi
  done
  [ "$at" = "$bytes" ] || { echo "$file did not arrive as a whole" >&2; exit 66; }
  echo "$(echo "$file" | cut -d- -f2)  lan/$file" | sha256sum -c --status || {
    rm -f "lan/$file"; echo "$file is not what its digest says" >&2
    [ "$begun" = 0 ] && exit ${DAMAGED}; exit ${DAMAGED_BEFORE}
  }
  mv "lan/$file" "blobs/$file"
done
cat > "$manifest.new" && mv "$manifest.new" "$manifest"
rmdir lan 2>/dev/null || true`;

/**
 * Of each part how much is there, and whether it is verified: everything, what arrived before it was cut, or nothing.
 * First it ends a COPY that goes on although the connection on which it was started broke.
 */
const SIZES = String.raw`
[ ! -f /tmp/copying ] || kill $(cat /tmp/copying) 2>/dev/null
rm -f /tmp/copying
mkdir -p blobs lan
for part; do
  file=$(dirname "$part") bytes=$(basename "$part")
  whole=$(stat -c %s "blobs/$file" 2>/dev/null)
  begun=$(stat -c %s "lan/$file" 2>/dev/null || echo 0)
  # More than all of it is none of it.
  [ "$begun" -le "$bytes" ] || { rm "lan/$file"; begun=0; }
  [ "$whole" = "$bytes" ] && echo "$file $bytes verified" || echo "$file $begun begun"
done`;

/**
 * Copies a model from another host: directly where its address is known and reached, else through this
 * machine.
 *
 * @returns bytes that were copied; parts that are there already are not
 * @throws CopyFailed when neither way led to a whole model
 */
export async function copyModel(
  target: CopyTarget,
  source: ModelSource,
  fullName: string,
  model: StoredModel,
): Promise<number> {
  const before = total(await sizes(target, model));
  try {
    if (!(await directly(target, source, fullName, model))) {
      await throughThisMachine(target, source, fullName, model);
    }
  } catch (error) {
    if (!(error instanceof DockerError || error instanceof StepError)) throw error;
    if (isDamaged(error)) {
      throw new CopyFailed(
        `${lastWords(error)}: it is damaged on ${source.name}; remove the model there (ollama rm ${fullName})`,
        false,
      );
    }
    throw new CopyFailed(lastWords(error), total(await sizes(target, model)) > before);
  }
  return model.blobs.reduce((sum, { size }) => sum + size, 0) - before;
}

const isDamaged = (error: unknown) =>
  error instanceof DockerError && (error.code === DAMAGED || error.code === DAMAGED_BEFORE);
const lastWords = (error: Error) =>
  (error instanceof DockerError ? error.stderr : error.message).trim().split("\n").at(-1) ?? "";

/** Whether the target could get it by itself. */
async function directly(
  target: CopyTarget,
  source: ModelSource,
  fullName: string,
  model: StoredModel,
): Promise<boolean> {
  if (!source.listener) return false;
  for (;;) {
    try {
      await put(target, fullName, model, source.listener);
      return true;
    } catch (error) {
      if (!(error instanceof DockerError) || error.code === DAMAGED) throw error;
      // It may be what was there before that was damaged, which is gone now.
      if (error.code === DAMAGED_BEFORE) continue;
      progress(`${fullName}: ${lastWords(error)}; trying through this machine`);
      return false;
    }
  }
}

async function throughThisMachine(
  target: CopyTarget,
  source: ModelSource,
  fullName: string,
  model: StoredModel,
): Promise<void> {
  for (;;) {
    const there = await sizes(target, model);
    for (const { file, size } of model.blobs) {
      const { bytes } = there.get(file)!;
      if (bytes < size) await relay(target, source, { file, size }, bytes);
    }
    try {
      return await put(target, fullName, model);
    } catch (error) {
      const begun = [...there.values()].some(({ bytes, verified }) => bytes > 0 && !verified);
      if (!(isDamaged(error) && begun)) throw error;
    }
  }
}

/** Runs COPY; without a listener it only verifies what lies in `lan`. */
async function put(
  target: CopyTarget,
  fullName: string,
  { manifest, blobs }: StoredModel,
  listener?: ModelSource["listener"],
): Promise<void> {
  const { address = "", port = "", token = "" } = listener ?? {};
  await inTarget(
    target,
    [COPY, "bash", address, String(port), manifestPath(fullName), ...partsOf(blobs)],
    `${token}\n${manifest}`,
    (line) => {
      const [, at, of] = /^at (\d+) of (\d+)$/.exec(line) ?? [];
      if (at) progress(`${fullName}: ${percent(Number(at), Number(of))} copied`);
    },
  );
}

const partsOf = (blobs: readonly Blob[]) => blobs.map(({ file, size }) => `${file}/${size}`);

type Sizes = Map<string, { bytes: number; verified: boolean }>;

async function sizes(target: CopyTarget, { blobs }: StoredModel): Promise<Sizes> {
  const table = await inTarget(target, [SIZES, "bash", ...partsOf(blobs)]);
  return new Map(
    table
      .trim()
      .split("\n")
      .map((line) => {
        const [file = "", bytes, state] = line.split(" ");
        return [file, { bytes: Number(bytes), verified: state === "verified" }];
      }),
  );
}

const total = (all: Sizes) => [...all.values()].reduce((sum, { bytes }) => sum + bytes, 0);

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
