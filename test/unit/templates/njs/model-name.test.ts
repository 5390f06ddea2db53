import { expect, test } from "vitest";

import { modelIn } from "../../../../templates/njs/requests/model-name.js";

const bytes = (text: string) => Buffer.from(text);

/** The model found, and whether the whole body had to be read for it. */
function found(text: string, type = "application/json") {
  let read = false;
  const request = {
    headersIn: { "Content-Type": type },
    get requestText() {
      read = true;
      return text;
    },
  };
  return { name: modelIn(bytes(text), request), read };
}

const LONG = "lorem ipsum ".repeat(1000);

test.each([
  ["at the begin", `{"model":"a:7b","messages":[]}`, "a:7b"],
  ["after other values", `{"stream": true, "model" : "a"}`, "a"],
  ["before a long prompt", `{"model":"a","prompt":"${LONG}"}`, "a"],
  [
    "after a long prompt, as OpenAI's client writes it",
    `{"messages":[{"content":"${LONG}"}],"model":"a"}`,
    "a",
  ],
  ["with what JSON escapes in a name", `{"model":"hf.co\\/x\\u002fy"}`, "hf.co/x/y"],
])("a model %s is found without reading the whole", (_, text, name) => {
  expect(found(text)).toEqual({ name, read: false });
});

test.each([
  [
    "in a tool's schema before it",
    `{"tools":[{"parameters":{"model":"b"}}],"model":"a","x":[]}`,
    "a",
  ],
  ["in a tool's schema after it", `{"x":[1],"model":"a","tools":[{"model":"b"}]}`, "a"],
  ["in options at the end", `{"messages":[],"model":"a","options":{"model":"b"}}`, "a"],
  ["as a value", `{"kind":{},"of":"model","model":"a","x":{}}`, "a"],
  ["in the middle of much text", `{"x":["${LONG}"],"model":"a","y":["${LONG}"]}`, "a"],
  ["nowhere", `{"prompt":"x"}`, ""],
  ["as something else than a name", `{"model":7}`, ""],
])('a "model" %s does not mislead', (_, text, name) => {
  expect(found(text)).toEqual({ name, read: true });
});

test("the model in a prompt's text is no model", () => {
  const prompt = JSON.stringify({ prompt: 'say "model": "b"', model: "a" });
  expect(found(prompt).name).toBe("a");
  const alone = JSON.stringify({ prompt: 'say "model": "b"' });
  expect(found(alone).name).toBe("");
});

test.each([
  ...["", "{", `{"model":"a`, `["model","a"]`, "null", "\u0000\u0001"],
  String.raw`{"model":"\q"}`,
  String.raw`{"x":[1],"model":"a"}{"model":"\u12"}`,
  `{"x":[1],"model":"a\nb\\n"}`,
])("a body that is no request names no model: %j", (text) => {
  expect(found(text).name).toBe("");
});

test("a name behind 4 MiB that are neither begin nor end is not looked for", () => {
  const text = `{"x":["${"y".repeat(4 * 1024 * 1024)}"],"model":"a","z":["${LONG}"]}`;
  expect(found(text)).toEqual({ name: "", read: false });
});

test("the model of a form is its field", () => {
  const part = (name: string, value: string) =>
    `--X\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
  const type = "multipart/form-data; boundary=X";
  expect(found(`${part("model", "whisper")}${part("file", LONG)}--X--\r\n`, type).name).toBe(
    "whisper",
  );
  expect(found(`${part("file", LONG)}${part("model", "whisper")}--X--\r\n`, type).name).toBe(
    "whisper",
  );
});

test("old clients of /api/show call it name", () => {
  expect(found(`{"name":"a"}`).name).toBe("a");
  // The command ollama: Go writes the fields that are not set, too.
  expect(found(`{"model":"","system":"","options":null,"name":"a"}`).name).toBe("a");
});
