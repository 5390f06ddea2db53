// An image with model servers that are not Ollama.
import { cp, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { debianRootfs } from "../debian-rootfs.mjs";
import { BUILT_IN_MODELS } from "../model/built-in-models.mjs";
import { tinyGguf } from "../model/tiny-gguf.mjs";

const HERE = import.meta.dirname;

const PACKAGES = ["python3-fastapi", "python3-uvicorn", "llama.cpp-tools"];

/** @type {import("../docker-image.mjs").Recipe} */
export const SERVERS_IMAGE = {
  name: "servers",
  sources: ["servers", "model"],
  async prepare(context, detail) {
    for (const file of ["Dockerfile", "server.py"]) await cp(join(HERE, file), join(context, file));
    for (const { gguf } of BUILT_IN_MODELS.filter(({ gguf }) => gguf.name === "tiny")) {
      await writeFile(join(context, "tiny.gguf"), tinyGguf(gguf));
    }
    await debianRootfs(join(context, "rootfs.tar"), PACKAGES, { detail });
  },
};
