// The models baked into the lab's own Ollama image, where no real one can be pulled.

/** @typedef {{gguf: import("./tiny-gguf.mjs").TinyModel, parameters: Record<string, number>}} BuiltInModel */

const PARAMETERS = {
  num_ctx: 512,
  // More CPU threads than free cores spin against each other: 200 requests took over 100 s instead of 1.6 s.
  num_thread: 1,
  // At temperature 0 the model repeats one word, and Ollama then ends the stream without its `done` line.
  temperature: 1,
  seed: 1,
};

const TEMPLATE = "{{ range .Messages }}{{ .Content }} {{ end }}";

/** @type {readonly BuiltInModel[]} */
export const BUILT_IN_MODELS = [
  {
    gguf: {
      name: "tiny",
      seed: 1,
      embedding: 64,
      layers: 2,
      heads: 4,
      feedForward: 128,
      context: 2048,
      words: 192,
    },
    parameters: { ...PARAMETERS, num_predict: 32 },
  },
  {
    // Slow enough to be cut, drained or rolled in the middle of an answer: about 65 tokens/s.
    gguf: {
      name: "slow",
      seed: 2,
      embedding: 512,
      layers: 5,
      heads: 8,
      feedForward: 2048,
      context: 2048,
      words: 192,
    },
    parameters: { ...PARAMETERS, num_predict: 200 },
  },
];

/**
 * The Modelfile that turns the GGUF file beside it into the model.
 *
 * @param {BuiltInModel} model
 */
export function modelfile({ gguf, parameters }) {
  const lines = Object.entries(parameters).map(([key, value]) => `PARAMETER ${key} ${value}`);
  return [`FROM ./${gguf.name}.gguf`, ...lines, `TEMPLATE """${TEMPLATE}"""`, ""].join("\n");
}
