// A program of examples/, made by `pulumi new` in a folder outside the checkout, where npm has installed the package.
import { readFileSync } from "node:fs";
import { cp, mkdir, readFile, readdir, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { run } from "../../toolchain/command.mjs";
import { ensureLanguages } from "../../toolchain/languages.mjs";
import { secondCheckout } from "../engine/support/checkout.ts";
import { nginxImage, ollamaImage } from "../engine/support/lab.ts";
import { ownFolder, ownStackName, removeMesh } from "../engine/support/leftovers.ts";
import { freePort } from "../engine/support/port.ts";
import { pulumi, type Ran } from "../engine/support/pulumi.ts";
import { CHECKOUT } from "../engine/support/stack.ts";

/** Of the package, as the manual's commands have it. */
export const { version: VERSION } = JSON.parse(
  readFileSync(join(CHECKOUT, "package.json"), "utf8"),
) as { version: string };

/** The languages of examples/. */
export type Language = "typescript" | "yaml" | "python" | "go";

/** How a program gets the lab's images, which a user's own does not name: what is put in the place of what. */
const IMAGES: Record<Language, [file: string, ...[from: string, to: string][]]> = {
  typescript: [
    "index.mts",
    ["  models:", '  image: "OLLAMA",\n  models:'],
    ["balancer: {", 'balancer: { image: "NGINX",'],
  ],
  yaml: [
    "Pulumi.yaml",
    ["      models:", "      image: OLLAMA\n      models:"],
    ["      balancer:", "      balancer:\n        image: NGINX"],
  ],
  python: [
    "__main__.py",
    ["    models=", '    image="OLLAMA",\n    models='],
    ["BalancerArgs(", 'BalancerArgs(image="NGINX", '],
  ],
  go: [
    "main.go",
    ["Models: ", 'Image: pulumi.String("OLLAMA"),\n\t\t\tModels: '],
    ["BalancerArgs{", 'BalancerArgs{Image: pulumi.String("NGINX"), '],
  ],
};

/** The package as npm packs it. */
export async function packedPackage(): Promise<string> {
  const folder = await ownFolder("tarball");
  await using checkout = await secondCheckout();
  const pack = ["pack", "--ignore-scripts", "--loglevel=error", "--pack-destination", folder];
  await run("npm", pack, { cwd: checkout.folder });
  return join(folder, (await readdir(folder))[0]!);
}

/** The commands that README.md has for the way from an empty folder to an answer: install, new, up, ask. */
export async function fourCommands(): Promise<string[]> {
  const readme = await readFile(join(CHECKOUT, "README.md"), "utf8");
  const [, section = ""] = readme.split("\n## In your own program\n");
  const [, block = ""] = /^```sh\n([\s\S]*?)^```$/m.exec(section) ?? [];
  return block.trim().split("\n");
}

/** With what the README leaves open: where the tarball lies, which language, and no questions. */
function answered(command: string, given: Record<string, string>): string {
  return Object.entries(given).reduce((text, [from, to]) => {
    if (!text.includes(from)) throw new Error(`${command} of README.md has no ${from}`);
    return text.replace(from, to);
  }, command);
}

/**
 * Pulumi's YAML host 1.25.0, the newest that the Go module proxy has, cannot do the last thing that `pulumi new` asks
 * for; for a program in YAML nothing has to be done there.
 */
function unlessItCannotLink(error: Error): void {
  if (!error.message.includes("linking package: method Link not implemented")) throw error;
}

/** An example that was made a project of its own, with its state and its Pulumi home. */
export class Example implements AsyncDisposable {
  readonly language: Language;
  readonly name: string;
  readonly port: number;
  /** Folder with the program, Pulumi's home, and the state. */
  private readonly root: string;
  private readonly env: NodeJS.ProcessEnv;

  private constructor(
    { language, name, port }: Pick<Example, "language" | "name" | "port">,
    root: string,
    env: NodeJS.ProcessEnv,
  ) {
    this.language = language;
    this.name = name;
    this.port = port;
    this.root = root;
    this.env = { ...env, PULUMI_HOME: join(root, "home") };
  }

  /** The program's folder. */
  get folder(): string {
    return join(this.root, "program");
  }

  /**
   * The first two of the README's commands: npm init and npm install of the tarball, pulumi new.
   *
   * @param answers to the questions of the template
   */
  static async create(
    language: Language,
    tarball: string,
    answers: Record<string, string>,
  ): Promise<Example> {
    const toolchain = await ensureLanguages();
    const root = await realpath(await ownFolder(`example-${language}`));
    const env = {
      ...toolchain,
      PULUMI_BACKEND_URL: `file://${join(root, "state")}?metadata=skip`,
      PULUMI_CONFIG_PASSPHRASE: "of a test",
      PULUMI_DEBUG_COMMANDS: "true",
    };
    const known = { language, name: ownStackName(), port: await freePort() };
    const example = new Example(known, root, env);
    for (const each of ["program", "home", "state"]) await mkdir(join(root, each));
    const plugins = toolchain["PULUMI_HOME"];
    if (plugins) await symlink(join(plugins, "plugins"), join(root, "home/plugins"));
    const { folder: cwd, name, port } = example;
    const [install = "", make = ""] = await fourCommands();
    const offline = "npm install --prefer-offline --no-audit --no-fund";
    const packed = `../ollama-mesh/ollama-mesh-${VERSION}.tgz`;
    const installing = answered(install, { [packed]: tarball, "npm install": offline });
    await run("sh", ["-c", installing], { cwd, env });
    const config = Object.entries({ ...answers, port: `${port}` }).map(
      ([key, value]) => `--config ${key}=${value}`,
    );
    const flags = ["--yes --offline", `--name ${name} --stack dev`, ...config].join(" ");
    const making = answered(make, {
      "examples/typescript": `examples/${language}`,
      "--force": `--force ${flags}`,
    });
    await run("sh", ["-c", making], { cwd, env: example.env }).catch(unlessItCannotLink);
    const [file, ...changes] = IMAGES[language];
    let text = await readFile(join(cwd, file), "utf8");
    for (const [from, to] of changes) {
      const image = to.replace("OLLAMA", ollamaImage()).replace("NGINX", nginxImage());
      if (!text.includes(from)) throw new Error(`${file} of ${language} has no ${from}`);
      text = text.replace(from, image);
    }
    await writeFile(join(cwd, file), text);
    return example;
  }

  /** The name of its mesh: YAML takes no other resource's value for a name. */
  get mesh(): string {
    return this.language === "yaml" ? this.name : `${this.name}-dev`;
  }

  /** What a shell prints of a command line in the program's folder. */
  shell(line: string): Promise<string> {
    return run("sh", ["-c", line], { cwd: this.folder, env: this.env });
  }

  /** A pulumi command in the program's folder. */
  pulumi(...args: string[]): Promise<Ran> {
    return pulumi(args, { cwd: this.folder, env: this.env, folder: this.root });
  }

  /** The same project for another person: another folder, another home, the same state. It goes with this one. */
  async elsewhere(): Promise<Example> {
    const root = join(this.root, "elsewhere");
    const links = { recursive: true, verbatimSymlinks: true };
    await cp(this.folder, join(root, "program"), links);
    await cp(join(this.root, "home/plugins"), join(root, "home/plugins"), links);
    return new Example(this, root, this.env);
  }

  /** As on a machine on which no program of it ever ran. */
  forgetSteps(): Promise<void> {
    return rm(join(this.root, "home/ollama-mesh"), { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await removeMesh(this.mesh);
    await rm(this.root, { recursive: true, force: true });
  }
}
