import { expect, test, vi } from "vitest";

import { processEnvironment, runProcess, startProcess } from "../../../../steps/engine/process.ts";

const node = (script: string) => ["-e", script];

test("a process is run to its end, with what it is given and all that it says", async () => {
  const script = `process.stdin.on("data", (chunk) => process.stdout.write(chunk));
    process.stderr.write("bad"); process.exitCode = 3`;
  expect(await runProcess("node", node(script), { input: "häppy\n" })).toEqual({
    code: 3,
    stdout: "häppy\n",
    stderr: "bad",
  });
});

test("its stdin is at its end where it is given nothing", async () => {
  expect(await runProcess("cat", [])).toEqual({ code: 0, stdout: "", stderr: "" });
});

test("one that reads nothing of what it is given is no error", async () => {
  const input = "x".repeat(1 << 20);
  expect(await runProcess("true", [], { input })).toMatchObject({ code: 0 });
});

test("every line of both streams is heard as it comes, lines of a progress bar too", async () => {
  const lines: string[] = [];
  const script = `process.stdout.write("1%\\r 2%\\r\\n\\nend\\n"); process.stderr.write("half"); process.stderr.write(" line\\n")`;
  await runProcess("node", node(script), { onLine: (line) => lines.push(line) });
  expect(lines.toSorted()).toEqual(["1%", "2%", "end", "half line"]);
});

test("one that gives no answer in time is killed, whatever it does about signals", async () => {
  const deaf = `trap "" TERM; while :; do sleep 0.1; done`;
  expect(await runProcess("sh", ["-c", deaf], { timeoutSeconds: 0.2 })).toEqual({
    code: null,
    stdout: "",
    stderr: "gave no answer in 0.2 s",
  });
});

test("a program that is not there is an error with its code, whenever it is asked for", async () => {
  await expect(runProcess("no-such-program", [])).rejects.toMatchObject({ code: "ENOENT" });
  const started = startProcess("no-such-program", []);
  started.stdin.write("to nobody\n");
  expect(await started.lines().next()).toEqual({ done: true, value: undefined });
  await expect(started.ended).rejects.toMatchObject({ code: "ENOENT" });
});

test("one that runs is spoken with line by line, until its stdin ends", async () => {
  const echo = startProcess("sh", [
    "-c",
    'while read -r word; do echo "heard $word"; done; exit 5',
  ]);
  const lines = echo.lines();
  for (const word of ["one", "two"]) {
    echo.stdin.write(`${word}\n`);
    expect(await lines.next()).toEqual({ done: false, value: `heard ${word}` });
  }
  echo.stdin.end();
  expect(await lines.next()).toEqual({ done: true, value: undefined });
  expect(await echo.ended).toEqual({ code: 5, stderr: "" });
});

test("lines that nobody asks for keep no process from its end", async () => {
  const talker = startProcess("sh", ["-c", "seq 1 100000; printf last"], { input: "" });
  const lines = talker.lines();
  expect(await lines.next()).toEqual({ done: false, value: "1" });
  expect(await talker.ended).toEqual({ code: 0, stderr: "" });
  let count = 1;
  let last = "";
  for await (const line of lines) [count, last] = [count + 1, line];
  expect([count, last]).toEqual([100_001, "last"]);
});

test("one that is killed has no exit code", async () => {
  const sleeper = startProcess("sleep", ["60"]);
  sleeper.kill();
  sleeper.stdout.resume();
  expect(await sleeper.ended).toEqual({ code: null, stderr: "" });
});

test("its environment sends docker commands to no other engine, keeps what ssh and logins need, and speaks English", () => {
  const diverting = {
    DOCKER_HOST: "tcp://elsewhere:2375",
    DOCKER_CONTEXT: "elsewhere",
    DOCKER_CERT_PATH: "/elsewhere",
    DOCKER_TLS: "1",
    DOCKER_TLS_VERIFY: "1",
    DOCKER_API_VERSION: "1.12",
  };
  const kept = { SSH_AUTH_SOCK: "/run/agent", DOCKER_CONFIG: "/home/me/.docker" };
  const german = { LC_ALL: "de_DE.UTF-8" };
  const all = { ...diverting, ...kept, ...german };
  for (const [name, value] of Object.entries(all)) vi.stubEnv(name, value);
  const environment = processEnvironment();
  for (const name of Object.keys(diverting)) expect(environment).not.toHaveProperty(name);
  expect(environment).toMatchObject({ ...kept, LC_ALL: "C" });
});
