/** Which model a request asks for: found at its two ends where that is possible, because every byte that is read costs time. */
import { utf8 } from "./utf8.js";

const NAME = /^"model"\s*:\s*"((?:[^"\\]|\\.){1,200})"/;

/** Most clients begin with the model; OpenAI's Python client ends with it. */
const HEAD = 256;
const TAIL = 512;
/** Above this a wider look comes before the whole body is parsed. */
const LARGE = 65536;
const WIDE = 4096;
/** Above this nothing is parsed: the node says what it thinks of it. */
const PARSED_MOST = 4 * 1024 * 1024;

/**
 * The model that a body names at its top level; "" where it names none or can't be read.
 *
 * @param {Buffer} body
 * @param {Pick<NginxHTTPRequest, "headersIn" | "requestText">} r asked for more only where the begin does not tell
 */
export function modelIn(body, r) {
  const size = body.length;
  const first = atBegin(body);
  if (first) return first;
  if (r.headersIn["Content-Type"]?.startsWith("multipart/")) return fieldIn(body);
  const quick = inHead(body, HEAD) || inTail(body, TAIL);
  if (quick) return quick;
  if (size > LARGE) {
    const wide = inHead(body, WIDE) || inTail(body, WIDE);
    if (wide) return wide;
  }
  return parsed(size, r);
}

/** As most clients write it. */
const BEGIN = '{"model":"';
/** Longer names are left to the looks that follow. */
const BEGIN_BYTES = 128;

/**
 * The most frequent case, without a regular expression.
 *
 * @param {Buffer} body
 */
function atBegin(body) {
  const head = utf8(body, 0, BEGIN_BYTES);
  if (!head.startsWith(BEGIN)) return "";
  const name = head.slice(BEGIN.length, Math.max(0, head.indexOf('"', BEGIN.length)));
  return name.includes("\\") ? "" : name;
}

/**
 * Only where nothing was opened before it: else it may belong to a tool's schema, say.
 *
 * @param {Buffer} body
 * @param {number} bytes
 */
function inHead(body, bytes) {
  const head = utf8(body, 0, bytes);
  const at = head.indexOf('"model"');
  if (at < 0) return "";
  const open = head.indexOf("{");
  if (open < 0 || open > at) return "";
  const before = head.slice(open + 1, at);
  return before.includes("{") || before.includes("[") ? "" : named(head, at);
}

/**
 * Only where nothing but the body itself is closed after it.
 *
 * @param {Buffer} body
 * @param {number} bytes
 */
function inTail(body, bytes) {
  const tail = utf8(body, body.length - bytes, body.length);
  const at = tail.lastIndexOf('"model"');
  if (at < 0) return "";
  const close = tail.indexOf("}", at);
  const after = tail.slice(at, close);
  if (close < 0 || tail.slice(close + 1).trim() !== "") return "";
  return after.includes("{") || after.includes("[") ? "" : named(tail, at);
}

/**
 * @param {string} part
 * @param {number} at
 */
function named(part, at) {
  const name = NAME.exec(part.slice(at, at + 256))?.[1] ?? "";
  return name.includes("\\") ? unescaped(name) : name;
}

/**
 * What is no JSON is no name, and no fault either: that would be a request without a limit of its key.
 *
 * @param {string} name
 */
function unescaped(name) {
  try {
    return String(JSON.parse(`"${name}"`));
  } catch {
    return "";
  }
}

/**
 * @param {number} size
 * @param {Pick<NginxHTTPRequest, "requestText">} r
 */
function parsed(size, r) {
  if (size > PARSED_MOST) return "";
  try {
    const { model, name } = JSON.parse(r.requestText ?? "");
    // /api/show of old clients, and of the command ollama, which sends an empty "model" with it.
    const found = model || name;
    return typeof found === "string" ? found : "";
  } catch {
    return "";
  }
}

/**
 * The field of a form: /v1/audio/transcriptions is no JSON.
 *
 * @param {Buffer} body
 */
function fieldIn(body) {
  const field = /name="?model"?(?:;[^\r\n]*)?\r\n(?:[^\r\n]+\r\n)*\r\n([^\r\n]{1,200})\r\n/;
  for (const part of [utf8(body, 0, WIDE), utf8(body, body.length - WIDE, body.length)]) {
    const name = field.exec(part)?.[1];
    if (name) return name;
  }
  return "";
}
