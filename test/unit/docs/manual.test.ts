// The manual: its size, links and commands, and that its examples are what they claim to be.
import { existsSync, readdirSync } from "node:fs";
import { dirname, join, normalize } from "node:path";

import ts from "typescript";
import { describe, expect, test } from "vitest";

import { parseMesh } from "../../../config/parse-mesh.ts";
import { parseYaml } from "../../support/yaml.ts";
import { anchor, blocks, codeSpans, headings, links } from "./markdown.ts";
import { read, ROOT } from "./settings.ts";

const README = read("README.md");
const DOCUMENTS = [
  ...readdirSync(ROOT).filter((file) => file.endsWith(".md")),
  ...readdirSync(join(ROOT, "docs"))
    .filter((file) => file.endsWith(".md"))
    .map((file) => `docs/${file}`),
];
const { scripts, bin } = JSON.parse(read("package.json")) as {
  scripts: Record<string, string>;
  bin: Record<string, string>;
};

/** A file of dist/ is there after a build; its source always is. */
const source = (file: string) => file.replace(/^dist\/(.*)\.js$/, "$1.ts");

describe("README.md", () => {
  test("is one manual that can be read: 640 lines at most, none but those of tables over 160 characters", () => {
    const lines = README.trimEnd().split("\n");
    expect(lines.length).toBeLessThanOrEqual(640);
    expect(lines.filter((line) => line.length > 160 && !line.startsWith("|"))).toEqual([]);
  });

  test("has a table of contents of its sections, all of them and in their order", () => {
    const contents = /^\*\*Contents\*\*:[\s\S]*?\n\n/m.exec(README)?.[0] ?? "";
    expect(links(contents)).toEqual(
      headings(README, 2).map((title) => ({ text: title, target: `#${anchor(title)}` })),
    );
  });

  test("begins with the two commands of the lab, and names the one that runs the tests", () => {
    const section = /^## Quick start$([\s\S]*?)^## /m.exec(README)?.[1] ?? "";
    expect(blocks(section)[0]?.text.match(/npm .*/g)).toEqual(["npm run lab"]);
    expect(codeSpans(section)).toEqual(expect.arrayContaining(["npm run lab:down", "npm test"]));
  });
});

describe.each(DOCUMENTS)("%s", (document) => {
  const text = read(document);

  test("has links that lead somewhere", () => {
    const dead = links(text)
      .map(({ target }) => target)
      .filter((target) => {
        if (/^https:\/\/\S+$/.test(target)) return false;
        const [path = "", place] = target.split("#");
        const file = path === "" ? document : normalize(join(dirname(document), path));
        if (!existsSync(join(ROOT, file))) return true;
        return place !== undefined && !headings(read(file)).map(anchor).includes(place);
      });
    expect(dead).toEqual([]);
  });

  const lines = blocks(text).flatMap(({ language, text }) =>
    language === "sh" ? text.split("\n") : [],
  );
  const commands = [...lines, ...codeSpans(text)];
  const words = (pattern: RegExp) => commands.flatMap((line) => [...line.matchAll(pattern)]);

  test("names npm scripts that there are", () => {
    const named = words(/\bnpm (?:run ([\w:]+)|(test)\b)/g).map(
      ([, script, own]) => script ?? own!,
    );
    expect(named.filter((name) => !Object.hasOwn(scripts, name))).toEqual([]);
  });

  test("names programs that there are", () => {
    const files = words(/\bnode ((?:[\w.-]+\/)+[\w.-]+\.\w+)/g).map((each) => each[1]!);
    expect(files.filter((file) => !existsSync(join(ROOT, source(file))))).toEqual([]);
    const packages = words(/\bnpx (?!--)([\w-]+)/g).map((each) => each[1]!);
    const installed = (name: string) => existsSync(join(ROOT, "node_modules/.bin", name));
    expect(packages.filter((name) => !(name in bin) && !installed(name))).toEqual([]);
  });

  test("makes programs from templates where npm has installed them, which pulumi does only when forced", () => {
    const made = commands.filter((line) => line.startsWith("pulumi new ./node_modules/"));
    expect(made.filter((line) => !/ --force\b/.test(line))).toEqual([]);
  });

  test("says of each block what it is, where it is one of a language", () => {
    const known = ["", "sh", "yaml", "ts", "python", "go"];
    expect(blocks(text).filter(({ language }) => !known.includes(language))).toEqual([]);
  });
});

/** As readStackConfig() takes them: a node may be its name alone. */
const declared = (nodes: unknown[]) =>
  nodes.map((node) => (typeof node === "string" ? { name: node } : node));

const EXAMPLES = DOCUMENTS.flatMap((document) =>
  blocks(read(document)).map((block): [string, string, string] => [
    `${document}:${block.line}`,
    block.language,
    block.text,
  ]),
);
const ofLanguage = (language: string) =>
  EXAMPLES.filter((each) => each[1] === language).map(([at, , text]): [string, string] => [
    at,
    text,
  ]);

/** A program in YAML, which stands among stack files. */
interface YamlProgram {
  resources: Record<string, { type: string; properties: object }>;
}
const isProgram = (text: string) => /^runtime: yaml$/m.test(text);

test.each(ofLanguage("yaml").filter(([, text]) => isProgram(text)))(
  "the program in YAML of %s has a mesh that is accepted",
  (_, text) => {
    const { resources } = parseYaml(text) as YamlProgram;
    const [{ type, properties } = { type: "", properties: {} }] = Object.values(resources);
    expect(type).toBe("ollama-mesh:OllamaMesh");
    expect(() => parseMesh(properties, "ollama-mesh-a")).not.toThrow();
  },
);

describe("stack files", () => {
  const STACK_FILES = ofLanguage("yaml").filter(([, text]) => !isProgram(text));
  const PREFIX = "ollama-mesh:";

  test("are in the manual", () => {
    expect(STACK_FILES.length).toBeGreaterThanOrEqual(4);
  });

  test.each(STACK_FILES)("the one of %s is accepted", (_, text) => {
    const file = parseYaml(text) as { config: Record<string, unknown> };
    expect(Object.keys(file)).toEqual(["config"]);
    const keys = Object.keys(file.config);
    expect(keys.filter((key) => !key.startsWith(PREFIX))).toEqual([]);
    const { nodes = ["a", "b"], ...rest } = Object.fromEntries(
      Object.entries(file.config).map(([key, value]) => [key.slice(PREFIX.length), value]),
    );
    expect(() =>
      parseMesh({ ...rest, nodes: declared(nodes as unknown[]) }, "ollama-mesh-a"),
    ).not.toThrow();
  });

  /** Examples in the text: a node, or one setting of a node or of the balancer. */
  const spans = codeSpans(README).filter(
    (span) => /^(- )?\{ name: /.test(span) || /^\w+: \{ /.test(span),
  );

  test("stand in the text, too", () => {
    expect(spans.length).toBeGreaterThanOrEqual(6);
  });

  test.each(spans)("%s is accepted", (span) => {
    const value = parseYaml(span.replace(/^- /, "")) as Record<string, unknown>;
    if ("provider" in value) {
      // Continue's own list of models.
      expect(Object.keys(value)).toEqual(["name", "provider", "model", "apiBase", "apiKey"]);
      return;
    }
    const a = { name: "a" };
    const isNode = "name" in value;
    const ofNode = isNode ? value : { name: "b", image: "b", ...value };
    // Nothing of a host that is switched off may be left on.
    const asNode = () => parseMesh({ nodes: [a, ofNode] });
    const asBalancer = () => parseMesh({ nodes: [a, { name: "b" }], balancer: value });
    expect(isNode || "service" in value ? asNode : asBalancer).not.toThrow();
  });
});

test("TypeScript of the manual has no type errors, and one that it had would be found", () => {
  const examples = ofLanguage("ts");
  expect(examples.length).toBeGreaterThanOrEqual(2);
  const wrong = 'import { OllamaMesh } from "ollama-mesh";\nnew OllamaMesh("a", { nods: [] });\n';
  const problems = problemsOf([...examples, ["wrong", wrong]]);
  expect(problems).toEqual([expect.stringMatching(/^wrong: .*'nods'/)]);
});

/** What the compiler says of programs that stand in memory only, as if they lay beside the checkout's own. */
function problemsOf(programs: readonly [string, string][]): string[] {
  const { config } = ts.readConfigFile(join(ROOT, "tsconfig.json"), ts.sys.readFile) as {
    config: { compilerOptions: object };
  };
  const { options } = ts.convertCompilerOptionsFromJson(
    { ...config.compilerOptions, allowJs: false, checkJs: false },
    ROOT,
  );
  options.paths = { "ollama-mesh": [join(ROOT, "components/index.ts")] };
  const texts = new Map(
    programs.map(([at, text], i) => [join(ROOT, `manual-${i}.ts`), { at, text }]),
  );
  const host = ts.createCompilerHost(options);
  const { fileExists, readFile, getSourceFile } = host;
  host.fileExists = (file) => texts.has(file) || fileExists(file);
  host.readFile = (file) => texts.get(file)?.text ?? readFile(file);
  host.getSourceFile = (file, version, ...rest) => {
    const own = texts.get(file);
    return own
      ? ts.createSourceFile(file, own.text, version)
      : getSourceFile(file, version, ...rest);
  };
  const program = ts.createProgram([...texts.keys()], options, host);
  return [...texts].flatMap(([file, { at }]) =>
    ts
      .getPreEmitDiagnostics(program, program.getSourceFile(file))
      .map(({ messageText }) => `${at}: ${ts.flattenDiagnosticMessageText(messageText, " ")}`),
  );
}
