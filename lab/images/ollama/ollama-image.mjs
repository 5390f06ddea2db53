// The lab's own Ollama image, with the built-in models in it.
import { copyFile, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { debianRootfs } from "../debian-rootfs.mjs";
import { BUILT_IN_MODELS, modelfile } from "../model/built-in-models.mjs";
import { tinyGguf } from "../model/tiny-gguf.mjs";
import { ollamaBinary } from "./ollama-binary.mjs";

const HERE = import.meta.dirname;

const PACKAGES = ["ca-certificates", "libstdc++6"];

/** @type {import("../docker-image.mjs").Recipe} */
export const OLLAMA_IMAGE = {
  name: "ollama",
  sources: ["ollama", "model", "versions.mjs"],
  async prepare(context, detail) {
    for (const file of ["Dockerfile", "create-models"]) {
      await copyFile(join(HERE, file), join(context, file));
    }
    await copyFile(await ollamaBinary(detail), join(context, "ollama"));
    await debianRootfs(join(context, "rootfs.tar"), PACKAGES, { detail });
    await mkdir(join(context, "models"));
    for (const model of BUILT_IN_MODELS) {
      const folder = join(context, "models");
      await writeFile(join(folder, `${model.gguf.name}.gguf`), tinyGguf(model.gguf));
      await writeFile(join(folder, `Modelfile.${model.gguf.name}`), modelfile(model));
    }
  },
};
