// What the project relies on in the command plugin. The same cases run through whatever plugin is in place.
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";

import {
  CommandProject,
  type Outcome,
  type StateResource,
  type Wanted,
  noted,
} from "./command-project.ts";
import { pluginInPlace, requireOurs } from "../plugin-in-place.ts";

const SECRET = "s3cr3t-of-the-contract";

// Each run of the engine takes seconds, and several of them where other tests run at the same time.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const plugin = await pluginInPlace("command");

let project: CommandProject;

describe("create", () => {
  let outcome: Outcome;
  let state: Record<string, StateResource>;
  let ran: string[];
  const logged: Wanted = { create: "echo to-stdout; echo to-stderr >&2" };
  const commands: Record<string, Wanted> = {
    plain: { create: noted("create"), delete: noted("delete") },
    lines: { create: "printf 'one\\ntwo\\n\\n'; printf 'no newline' >&2" },
    nothing: { delete: "true" },
    stdin: { create: "cat", stdin: "line 1\nline 2 'quoted' $HOME" },
    withoutStdin: { create: "cat" },
    environment: {
      create: 'echo "$FIRST|$SECOND"',
      environment: { FIRST: "a b", SECOND: "$x'\"" },
    },
    interpreter: { create: "a;b", interpreter: ["/bin/echo", "-n", "given:"] },
    dir: { create: "pwd", dir: "/" },
    inProgramFolder: { create: "pwd" },
    secret: {
      create: "cat > /dev/null; echo done",
      stdin: SECRET,
      environment: { TOKEN: SECRET },
      secret: ["stdin", "environment"],
    },
    secretOutput: {
      create: `echo ${SECRET.slice(0, 6)}$REST; echo ${SECRET.slice(0, 6)}$REST >&2`,
      environment: { REST: SECRET.slice(6) },
      secret: ["environment"],
      logging: "none",
      options: { additionalSecretOutputs: ["stdout", "stderr"] },
    },
    logDefault: logged,
    logBoth: { ...logged, logging: "stdoutAndStderr" },
    logStdout: { ...logged, logging: "stdout" },
    logStderr: { ...logged, logging: "stderr" },
    logNone: { ...logged, logging: "none" },
  };

  beforeAll(async () => {
    project = await CommandProject.create();
    outcome = await project.up(commands);
    ran = await project.ran();
    state = await project.state();
  });
  afterAll(async () => {
    await project.remove();
  });

  const outputs = (name: string) => {
    const { stdout, stderr } = state[name]?.outputs ?? {};
    return [stdout, stderr];
  };

  it("succeeds for every command and keeps each in state", () => {
    expect(outcome.output).toContain("Resources:");
    expect(outcome.code).toBe(0);
    expect(Object.keys(state).sort()).toEqual(Object.keys(commands).sort());
  });

  it("runs `create` once, without a previous output, and not `delete`", () => {
    expect(ran).toEqual(["create [] []"]);
    expect(outputs("plain")).toEqual(["create-out", "create-err"]);
  });

  it("writes the inputs and the outputs into the state, and no defaults", () => {
    const { create, delete: remove } = commands["plain"] ?? {};
    const inputs = { create, delete: remove };
    expect(state["plain"]?.inputs).toEqual(inputs);
    expect(state["plain"]?.outputs).toEqual({
      ...inputs,
      stdout: "create-out",
      stderr: "create-err",
    });
    expect(state["plain"]?.id).toMatch(/^plain[0-9a-f]{8}$/);
  });

  it("takes one newline off the end of what was printed, and no more", () => {
    expect(outputs("lines")).toEqual(["one\ntwo\n", "no newline"]);
  });

  it("keeps a command without `create`, with empty output", () => {
    expect(outputs("nothing")).toEqual(["", ""]);
  });

  it("gives stdin to the command byte for byte, and an empty one where none is given", () => {
    expect(outputs("stdin")).toEqual(["line 1\nline 2 'quoted' $HOME", ""]);
    expect(outputs("withoutStdin")).toEqual(["", ""]);
  });

  it("gives the environment to the command without interpreting it", () => {
    expect(outputs("environment")).toEqual(["a b|$x'\"", ""]);
  });

  it("hands the command to the interpreter as one last argument", () => {
    expect(outputs("interpreter")).toEqual(["given: a;b", ""]);
  });

  it("runs in `dir`, else in the program's folder", () => {
    expect(outputs("dir")).toEqual(["/", ""]);
    expect(outputs("inProgramFolder")).toEqual([project.folder, ""]);
  });

  it("keeps secret inputs and outputs declared secret out of the state", async () => {
    expect(await project.stateText()).not.toContain(SECRET);
    expect(outputs("secret")).toEqual(["done", ""]);
    expect(outcome.output).not.toContain(SECRET);
  });

  it("gives secrets to the command in plain", async () => {
    const shown = await project.pulumi("stack", "export", "--show-secrets");
    const { resources } = JSON.parse(shown.output).deployment;
    const found = resources.find(({ urn }: StateResource) => urn.endsWith("::secretOutput"));
    expect(JSON.parse(found.outputs.stdout.plaintext)).toBe(SECRET);
    expect(JSON.parse(found.outputs.stderr.plaintext)).toBe(SECRET);
  });

  it.each([
    ["logDefault", ["to-stderr", "to-stdout"]],
    ["logBoth", ["to-stderr", "to-stdout"]],
    ["logStdout", ["to-stdout"]],
    ["logStderr", ["to-stderr"]],
    ["logNone", []],
  ])("shows with %s while it runs exactly %j", (name, lines) => {
    expect(outcome.shown(name).sort()).toEqual(lines);
    expect(outputs(name)).toEqual(["to-stdout", "to-stderr"]);
  });

  it("runs nothing when nothing changed", async () => {
    const again = await project.up(commands);
    expect(again.steps.filter((step) => !step.startsWith("same "))).toEqual([]);
    expect(await project.ran()).toEqual([]);
  });

  // The official one stops reading at 64 kB in a line, and with it the command.
  it("keeps a line longer than any buffer", async (context) => {
    requireOurs(plugin, context);
    const outcome = await project.up({ long: { create: "head -c 300000 /dev/zero | tr '\\0' x" } });
    expect(outcome.code).toBe(0);
    const { long } = await project.state();
    expect(long?.outputs["stdout"]).toBe("x".repeat(300_000));
  });
});
