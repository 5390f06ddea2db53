import { describe, expect, test } from "vitest";

import { readNginx } from "../../support/nginx-tokens.ts";

describe("the reader of configs", () => {
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
