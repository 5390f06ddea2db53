import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

/** The file that nginx serves. Lies beside nginx.conf, with the program. */
export const STATUS_PAGE = "status.html";

const read = (name: string): string => readFileSync(new URL(name, import.meta.url), "utf8");

const STYLE = `\n${read("page.css")}`;
const SCRIPT = `\n${read("page.js")}`;

/** The status page: one file, which asks for nothing but /status.json. */
export const statusPage = (): Record<string, string> => ({
  [STATUS_PAGE]: read("page.html")
    .replace("<style></style>", () => `<style>${STYLE}</style>`)
    .replace("<script></script>", () => `<script>${SCRIPT}</script>`),
});

const sha256 = (text: string): string =>
  `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

/** What a browser may do with the page: its own script and style, and questions to the listener that it came from. */
export const STATUS_PAGE_POLICY = [
  "default-src 'none'",
  `script-src ${sha256(SCRIPT)}`,
  `style-src ${sha256(STYLE)}`,
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");
