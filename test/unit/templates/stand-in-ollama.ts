/** What a node says of a loaded model. */
interface Loaded {
  name: string;
  context_length?: number;
  details?: { family: string };
  /** Bytes; servers that speak as Ollama may not know. */
  size?: number | null;
  size_vram?: number | null;
}

/** An Ollama: what it says when it is asked. */
export const ollama = {
  version: "0.32.15" as unknown,
  disk: [] as string[],
  loaded: [] as Loaded[],
  /** Whether a path gets no answer, as where a model is being loaded. */
  silent: (_path: string) => false,
  asked: [] as { path: string; body?: Record<string, unknown> }[],
};

const answers = (path: string): unknown =>
  ({
    "/api/version": { version: ollama.version },
    "/api/tags": { models: ollama.disk.map((name) => ({ name })) },
    "/api/ps": { models: ollama.loaded },
    "/api/generate": { done: true },
  })[path];

/** As ngx.fetch. */
export const fetch = async (url: string, options: { body?: string } = {}) => {
  const path = url.replace("http://a", "");
  const answer = answers(path);
  ollama.asked.push({ path, ...(options.body ? { body: JSON.parse(options.body) } : {}) });
  if (ollama.silent(path)) throw new Error("timed out");
  return {
    status: answer ? 200 : 404,
    headers: new Headers(),
    json: () => Promise.resolve(answer),
    text: () => Promise.resolve(JSON.stringify(answer)),
  };
};
