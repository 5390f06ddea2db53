// What user text can be in a config: a value, and never syntax.
import fc from "fast-check";
import { describe, expect, test } from "vitest";

import {
  block,
  directive,
  entry,
  map,
  print,
  type Directive,
} from "../../../templates/directive.ts";
import { serverProcess } from "../../../templates/process.ts";
import { anyOf, jsonText, literal, pattern, quoted, type Key } from "../../../templates/words.ts";
import { need } from "../../support/needs.ts";
import { readNginx } from "../../support/nginx-tokens.ts";
import { headersFromNginx, testWithNginx } from "../../support/nginx.ts";
import { holdable, nasty } from "./any-text.ts";

/** What nginx reads as the key of an entry. */
const readKey = (key: Key) => readNginx(print([entry(key, "on")]))[0]!.name;

const UNHOLDABLE = ["$", "a$b", "${a}", "\n", "\r", "\t", "\u0000", "\u007f", "a\u001fb"];

describe("a literal", () => {
  test("is read back by nginx's rules as exactly the value, and as nothing else", () => {
    fc.assert(
      fc.property(fc.oneof(holdable, nasty), fc.oneof(holdable, nasty), (one, two) => {
        const text = print([
          directive("set", literal(one), quoted(two)),
          directive("internal", "it"),
        ]);
        expect(readNginx(text)).toEqual([
          { name: "set", args: [one, two] },
          { name: "internal", args: ["it"] },
        ]);
      }),
      { numRuns: 2000 },
    );
  });

  test.each(UNHOLDABLE)("that nginx cannot hold is refused: %j", (text) => {
    const message = `nginx cannot hold this value: ${JSON.stringify(text)}`;
    expect(() => print([directive("set", literal(text))])).toThrow(message);
    expect(() => print([entry(literal(text), "on")])).toThrow(message);
    expect(() => print([entry("default", quoted(text))])).toThrow(message);
  });

  test("is quoted where it must be or is meant to be, and only there", () => {
    const printed = (text: string) => print([directive("set", literal(text))]);
    expect(printed("10.0.0.7:11434")).toBe("set 10.0.0.7:11434;\n");
    expect(printed("")).toBe('set "";\n');
    expect(printed('a "b" \\')).toBe('set "a \\"b\\" \\\\";\n');
    expect(printed("[::1]:80")).toBe('set "[::1]:80";\n');
    expect(print([directive("set", quoted("a"))])).toBe('set "a";\n');
  });
});

describe("a literal key", () => {
  test.each([
    "~.*",
    "~*a",
    "\\~",
    "default",
    "hostnames",
    "include",
    "volatile",
    "ranges",
    "proxy",
  ])("that is syntax of a map or geo is made a value: %j", (text) => {
    expect(readKey(literal(text))).toBe(`\\${text}`);
    expect(readKey(quoted(text))).toBe(`\\${text}`);
  });

  test("is otherwise read as it is", () => {
    fc.assert(
      fc.property(
        fc.oneof(holdable, nasty).filter((text) => !/^[~\\]/.test(text)),
        (text) => {
          expect(readKey(literal(text))).toBe(text);
        },
      ),
    );
  });

  test("matches itself and nothing else, by nginx's own word", async (context) => {
    const image = need(context, "OLLAMA_MESH_NGINX_IMAGE");
    const keys = [
      "~.*",
      "default",
      "include",
      "hostnames",
      "volatile",
      "\\",
      "*.a",
      ".a",
      "a;b{",
      "#",
    ];
    const asked = [...keys, "x", "b.a", "~"];
    const entries = [
      entry("default", "none"),
      ...keys.map((key, at) => entry(literal(key), `key-${at}`)),
    ];
    const conf = serving(
      asked.map((text, at) => block("map", [literal(text), `$found_${at}`], entries)),
      asked.map((_, at) => directive("add_header", `X-Found-${at}`, `$found_${at}`)),
    );
    const found = await headersFromNginx(image, conf, "/");
    expect(asked.map((_, at) => found[`x-found-${at}`])).toEqual([
      ...keys.map((_, at) => `key-${at}`),
      ...["none", "none", "none"],
    ]);
  }, 60_000);
});

describe("an expression", () => {
  test("takes a text that is put in for itself, whatever it holds", () => {
    fc.assert(
      fc.property(fc.oneof(holdable, nasty), nasty, (text, other) => {
        const key = readKey(pattern`^:${text}$`);
        expect(key.slice(0, 1)).toBe("~");
        const expression = new RegExp(key.slice(1));
        expect(expression.test(`:${text}`)).toBe(true);
        expect(expression.test(`:${other}`)).toBe(text === other);
      }),
      { numRuns: 2000 },
    );
  });

  test("keeps its own syntax, and that of an expression that is put in", () => {
    const digits = pattern`\d+`;
    expect(readKey(pattern`^a\.(?<n>${digits}|${anyOf(["b.c", "d|e"])})\z`)).toBe(
      String.raw`~^a\.(?<n>\d+|b\.c|d\|e)\z`,
    );
    expect(print([entry(pattern`"a"\s*`, "on")])).toBe(`'~"a"\\s*' on;\n`);
    expect(print([entry({ ...pattern`^/`, quotes: false }, "on")])).toBe("~^/ on;\n");
  });

  test.each(["\n", "\0", "a\tb"])("with a text that nginx cannot hold is refused: %j", (text) => {
    expect(() => print([entry(pattern`^${text}`, "on")])).toThrow(
      `nginx cannot hold this expression: ${JSON.stringify(`^${text}`)}`,
    );
  });

  test("with attacks in it is a config that nginx accepts", async (context) => {
    const image = need(context, "OLLAMA_MESH_NGINX_IMAGE");
    const texts = fc.sample(nasty, { numRuns: 60, seed: 5 });
    const confs = texts.map((text, at) => [
      `case-${at}`,
      serving([map("$http_x_asked", "$found", [entry(pattern`^${text}\z`, "on")])]),
    ]);
    const said = await testWithNginx(image, Object.fromEntries(confs) as Record<string, string>);
    expect(Object.values(said).filter(Boolean)).toEqual([]);
  }, 120_000);
});

describe("syntax of our own", () => {
  test.each(["$host", '"$a:$b"', "'{}'", '"")', "^(A|B)$)", "http://ollama/", '"ok\\n"'])(
    "is one word: %s",
    (word) => expect(print([directive("set", word)])).toBe(`set ${word};\n`),
  );

  test.each(["", "a b", "a;", "a{", "}", "#a", '"a', '"a"b', "a\nb", "'a", "a\\"])(
    "that is not one word is refused: %j",
    (word) => {
      expect(() => print([directive("set", word)])).toThrow(
        `not one word to nginx: ${JSON.stringify(word)}`,
      );
    },
  );
});

describe("JSON in the config", () => {
  test("is read back as the same JSON, unless it is refused", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const json = JSON.stringify(value);
        if (/[$'\\]/.test(json)) {
          expect(() => jsonText(value)).toThrow(`nginx cannot hold this JSON: ${json}`);
          return;
        }
        const [read] = readNginx(`return 200 ${jsonText(value)};`);
        expect(JSON.parse(read!.args[1]!)).toEqual(JSON.parse(json));
      }),
      { numRuns: 500 },
    );
  });
});

/** A config with some maps that answers every request, with some headers. */
const serving = (maps: readonly Directive[], headers: readonly Directive[] = []) =>
  print([
    directive("pid", "/tmp/nginx.pid"),
    block("events", [], []),
    block(
      "http",
      [],
      [
        ...serverProcess(),
        directive("access_log", "off"),
        ...maps,
        block("server", [], [directive("listen", 8080), ...headers, directive("return", 200)]),
      ],
    ),
  ]);
