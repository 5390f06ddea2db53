/** A loaded model as /api/ps shows it. Source: Ollama, docs/api.md, "List Running Models". */
export interface LoadedModel {
  name: string;
  /** Bytes of the model with its context, wherever they lie; size_vram of them in GPU memory. */
  size: number;
  size_vram: number;
}

/** Why too little of a model is in GPU memory, and the way out; undefined when there is enough. */
export function gpuProblem(
  { size, size_vram }: LoadedModel,
  model: string,
  minimumPercent: number,
): string | undefined {
  const percent = size > 0 ? Math.floor((100 * size_vram) / size) : 0;
  if (percent >= minimumPercent) return undefined;
  const share = `${percent} % of ${model} is in GPU memory (${gib(size_vram)} of ${gib(size)} GiB)`;
  const asked = `gpus.minimumPercent asks for ${minimumPercent}`;
  return size_vram > 0
    ? `${share}, and ${asked}; the GPU has too little free memory: use a smaller model, ollama.contextLength or ollama.numParallel, see what else is on the GPU (nvidia-smi, rocm-smi), or lower gpus.minimumPercent`
    : `${share}, and ${asked}; Ollama found no GPU or too little memory on it, and runs on the CPU: see that the host's driver works (nvidia-smi, rocm-smi), that containers get the GPU (docker run --rm --gpus all IMAGE nvidia-smi; NVIDIA container toolkit), that the model fits, or set gpus.minimumPercent to 0`;
}

const gib = (bytes: number) => (bytes / 1024 ** 3).toFixed(1);
