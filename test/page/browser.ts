import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

/** What the browser is called in Debian, elsewhere and by its maker. */
const NAMES = ["chromium", "chromium-browser", "google-chrome"];

/** Path of a Chromium on this machine; undefined where there is none. */
export const chromiumPath = (): string | undefined =>
  (process.env["PATH"] ?? "")
    .split(delimiter)
    .flatMap((folder) => NAMES.map((name) => join(folder, name)))
    .find((file) => existsSync(file));
