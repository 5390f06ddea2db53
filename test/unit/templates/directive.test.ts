import fc from "fast-check";
import { describe, expect, test } from "vitest";

import {
  because,
  block,
  directive,
  jsonText,
  literal,
  print,
  type Directive,
} from "../../../templates/directive.ts";
import { readNginx } from "../../support/nginx-tokens.ts";

/** Text that nginx can hold: no dollar, no control character. */
const holdable = fc
  .string({ unit: "binary", maxLength: 40 })
  .filter((text) => !/[$\u0000-\u001f\u007f]/.test(text));
/** More of what is dangerous than chance would bring. */
const nasty = fc
  .array(fc.constantFrom(..."\"'\\;{}# ()[]~^*?=,:@/+-.%!&|<>aé💥"), { maxLength: 12 })
  .map((chars) => chars.join(""));

describe("a literal", () => {
  test("is read back by nginx's rules as exactly the value, and as nothing else", () => {
    fc.assert(
      fc.property(fc.oneof(holdable, nasty), fc.oneof(holdable, nasty), (one, two) => {
        const text = print([
          directive("set", literal(one), literal(two)),
          directive("after", "it"),
        ]);
        expect(readNginx(text)).toEqual([
          { name: "set", args: [one, two] },
          { name: "after", args: ["it"] },
        ]);
      }),
      { numRuns: 2000 },
    );
  });

  test.each(["$", "a$b", "${a}", "\n", "\r", "\t", "\u0000", "\u007f", "a\u001fb"])(
    "that nginx cannot hold is refused: %j",
    (text) => {
      expect(() => print([directive("set", literal(text))])).toThrow(
        `nginx cannot hold this value: ${JSON.stringify(text)}`,
      );
    },
  );

  test("is quoted where it must be and only there", () => {
    const printed = (text: string) => print([directive("set", literal(text))]);
    expect(printed("10.0.0.7:11434")).toBe("set 10.0.0.7:11434;\n");
    expect(printed("")).toBe('set "";\n');
    expect(printed('a "b" \\')).toBe('set "a \\"b\\" \\\\";\n');
    expect(printed("[::1]:80")).toBe('set "[::1]:80";\n');
  });
});

describe("printing", () => {
  const NAME = fc.stringMatching(/^[a-z][a-z_]{0,8}$/);
  const { tree } = fc.letrec<{ tree: Directive[]; leaf: Directive; node: Directive }>((tie) => ({
    tree: fc.array(fc.oneof({ depthSize: "small" }, tie("leaf"), tie("node")), { maxLength: 4 }),
    leaf: fc
      .tuple(NAME, fc.array(nasty, { maxLength: 3 }))
      .map(([name, args]) => directive(name, ...args.map(literal))),
    node: fc.tuple(NAME, tie("tree")).map(([name, inner]) => block(name, [], inner)),
  }));
  const plain = (directives: readonly Directive[]): unknown =>
    directives.map(({ name, args, block: inner }) => ({
      name,
      args: args.map((arg) => (typeof arg === "object" ? arg.literal : String(arg))),
      ...(inner ? { block: plain(inner) } : {}),
    }));

  test("a tree is read back as the same tree", () => {
    fc.assert(
      fc.property(tree, (directives) => {
        expect(readNginx(print(directives))).toEqual(plain(directives));
      }),
    );
  });

  test("the same tree gives the same bytes", () => {
    fc.assert(
      fc.property(tree, (directives) => {
        expect(print(structuredClone(directives))).toBe(print(directives));
      }),
    );
  });

  test("blocks are indented, comments stand above", () => {
    const conf = [
      directive("user", "nobody"),
      block(
        "http",
        [],
        [because("why", block("server", [], [directive("listen", 80, "default_server")]))],
      ),
    ];
    expect(print(conf)).toBe(
      "user nobody;\nhttp {\n    # why\n    server {\n        listen 80 default_server;\n    }\n}\n",
    );
  });

  test.each(["a\nb", "a\rb"])("a comment cannot end early: %j", (comment) => {
    expect(() => print([because(comment, directive("x"))])).toThrow("a comment must be one line");
  });
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

describe("the reader of these tests", () => {
  test("knows nginx's quotes, escapes, comments and braces", () => {
    expect(
      readNginx(`a "b \\" ; {" 'c \\' d' e\\;f; # no; {\nif ($x !~ ^(A|B)$) { return 405; }`),
    ).toEqual([
      { name: "a", args: ['b " ; {', "c ' d", "e\\"] },
      { name: "f", args: [] },
      { name: "if", args: ["($x", "!~", "^(A|B)$)"], block: [{ name: "return", args: ["405"] }] },
    ]);
  });

  test.each(["a", "a {", "a; }", '"a', '"a"b;', ";", "a { b }"])("refuses %j", (text) => {
    expect(() => readNginx(text)).toThrow(SyntaxError);
  });
});
