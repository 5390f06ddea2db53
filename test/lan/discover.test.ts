// From machines that a person names to a stack file that brings a mesh up as it is.
import { copyFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { afterAll, expect, test } from "vitest";

import { NGINX_IMAGE, OLLAMA_IMAGE } from "../../config/defaults.ts";
import { run, type CommandError } from "../../toolchain/command.mjs";
import { model, nginxImage, ollamaImage } from "../engine/support/lab.ts";
import { CHECKOUT, type Stack } from "../engine/support/stack.ts";
import { story } from "../support/report/story.ts";
import { parseYaml } from "../support/yaml.ts";
import { lanOfFile } from "./support/lan.ts";

story();

let stack: Stack | undefined;
afterAll(async () => stack?.[Symbol.asyncDispose](), 60_000);

/** lan2 has an Ollama of its own, the key of lan3 is not known, lan4 is switched off. */
const lan = lanOfFile(4, async (made) => {
  await made.docker(1, "tag", ollamaImage(), OLLAMA_IMAGE);
  await made.docker(1, "tag", nginxImage(), NGINX_IMAGE);
  await made.docker(2, "run", "--detach", "--publish", "11434:11434", ollamaImage());
  const known = join(made.lan.folder, "known_hosts");
  const lines = (await readFile(known, "utf8")).split("\n");
  await writeFile(known, lines.filter((line) => !line.includes(made.host(3).address)).join("\n"));
  await made.power(4, "kill");
  stack = await made.stack({ nodes: [] });
});

const cli = (...args: string[]) =>
  run("node", [join(CHECKOUT, "dist/cli/ollama-mesh.js"), ...args], {
    cwd: CHECKOUT,
    env: stack!.env,
  });
const named = () => lan().lan.hosts.map(({ endpoint }) => endpoint);

test("machines that answer are proposed, the others named with their way out, and nothing is written", async () => {
  const said = await cli("discover", ...named());
  expect(said).toMatch(/^ssh:\/\/admin@lan3:2222 .* not reached$/m);
  expect(said).toContain("its ssh host key is not known; run  ssh -p 2222 admin@lan3  once");
  expect(said).toMatch(/Docker engine ssh:\/\/ops@lan4: the host does not answer/);
  expect(said).toMatch(/^ssh:\/\/ops@lan2: Ollama \S+ with .*\btiny:latest$/m);
  const two = lan().host(2).address;
  const { config } = parseYaml(said.split("A stack file for them:\n")[1]!) as {
    config: Record<string, unknown>;
  };
  expect(config).toEqual({
    "ollama-mesh:nodes": [
      { name: "lan1", host: "ssh://ops@lan1" },
      { name: "lan2", managed: false, address: two },
    ],
    "ollama-mesh:models": expect.arrayContaining([`${model()}:latest`]),
    "ollama-mesh:balancer": { host: "ssh://ops@lan1" },
  });
});

test("a range shows the same machines, asked by address, and an Ollama where nobody can log in", async () => {
  const range = lan().lan.subnet.replace(/0\/24$/, "8/29");
  const found = JSON.parse(await cli("discover", "--range", range, "--json")) as {
    machines: { endpoint: string }[];
  };
  // lan3 listens at another port, lan4 is off.
  const address = (n: number) => `ssh://${lan().host(n).address}`;
  expect(found.machines.map(({ endpoint }) => endpoint)).toEqual([address(1), address(2)]);
});

test("the stack file brings the mesh up unedited, and doctor finds nothing wrong with it", async () => {
  const file = join(lan().lan.folder, "found.yaml");
  await cli("discover", ...named(), "--write", file);
  await expect(cli("discover", "local", "--write", file)).rejects.toThrow(/is there already/);
  await copyFile(file, stack!.configFile);
  await stack!.up();
  expect(await lan().serving(stack!.mesh)).toEqual(["lan1", "lan2"]);
  const body = JSON.stringify({ model: model(), prompt: "hi", stream: false });
  const url = "http://127.0.0.1:11434/api/generate";
  const answer = JSON.parse(await lan().inside(1, "curl", "-sS", url, "-d", body)) as object;
  expect(answer).toMatchObject({ done: true, response: expect.stringMatching(/./) });
  expect((await stack!.preview()).changes).toEqual([]);
  expect(await cli("doctor", "--stack", stack!.name)).toMatch(/\n\nAll is well\.\n?$/);

  await lan().docker(1, "stop", "--time", "1", `${stack!.mesh}-lan1`);
  const findings = await cli("doctor", "--stack", stack!.name).then(
    () => "all was well",
    (error: CommandError) => error.output,
  );
  expect(findings).toContain("1 finding\n");
  expect(findings).toMatch(/ {2}node lan1 {2}container \S+-lan1 is exited /);
});
