// The tree that a config is printed from. What its words may be is in words.test.ts.
import fc from "fast-check";
import { describe, expect, test } from "vitest";

import {
  because,
  block,
  directive,
  entry,
  map,
  print,
  slot,
  type Directive,
} from "../../../templates/directive.ts";
import { literal, pattern, quoted } from "../../../templates/words.ts";
import { readNginx, type Read } from "../../support/nginx-tokens.ts";
import { nasty } from "./any-text.ts";

describe("printing", () => {
  const name = fc.constantFrom("server", "map", "return", "proxy_pass");
  const { tree } = fc.letrec<{ tree: Directive[]; leaf: Directive; node: Directive }>((tie) => ({
    tree: fc.array(fc.oneof({ depthSize: "small" }, tie("leaf"), tie("node")), { maxLength: 4 }),
    leaf: fc
      .tuple(name, fc.array(nasty, { maxLength: 3 }))
      .map(([name, args]) => directive(name, ...args.map(literal))),
    node: fc.tuple(name, tie("tree")).map(([name, inner]) => block(name, [], inner)),
  }));
  const plain = (directives: readonly Directive[]): Read[] =>
    directives.map(({ name, args, block: inner }) => ({
      name,
      args: args.map((arg) => (typeof arg === "object" ? arg.literal : String(arg))),
      ...(inner ? { block: plain(inner as Directive[]) } : {}),
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

  test("blocks are indented, comments stand above, a slot is a line that nginx does not see", () => {
    const conf = [
      directive("worker_processes", 2),
      block(
        "http",
        [],
        [
          because("why", block("server", [], [directive("listen", 80, "default_server")])),
          map("$a", "$b", [entry("default", "on"), slot("names")]),
        ],
      ),
    ];
    expect(print(conf)).toBe(
      `worker_processes 2;
http {
    # why
    server {
        listen 80 default_server;
    }
    map $a $b {
        default on;
        # @node-names@;
    }
}
`,
    );
  });

  test.each(["a\nb", "a\rb"])("a comment cannot end early: %j", (comment) => {
    expect(() => print([because(comment, directive("internal"))])).toThrow(
      "a comment must be one line",
    );
  });
});

describe("user text", () => {
  const text: string = "daemon off; #";

  test("does not compile as the name of a directive, block or slot", () => {
    const compiled = [
      // @ts-expect-error: raw text
      directive(text),
      // @ts-expect-error: raw text
      directive(literal(text)),
      // @ts-expect-error: raw text
      directive(pattern`${text}`),
      // @ts-expect-error: raw text
      block(text, [], []),
      // @ts-expect-error: raw text
      slot(text),
    ];
    // @ts-expect-error: raw text
    const written: Directive = { name: text, args: [] };
    expect([...compiled, written]).toHaveLength(6);
  });

  test("does not compile as the key of an entry, unless it is marked as text or built into an expression", () => {
    // @ts-expect-error: raw text
    expect(() => print([entry(text, "on")])).toThrow(TypeError);
    const keys = [literal(text), quoted(text), pattern`^${text}\z`];
    expect(keys.map((key) => readNginx(print([entry(key, "on")])))).toEqual([
      [{ name: text, args: ["on"] }],
      [{ name: text, args: ["on"] }],
      [{ name: `~^${text}\\z`, args: ["on"] }],
    ]);
  });
});
