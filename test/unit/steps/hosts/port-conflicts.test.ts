import { describe, expect, test } from "vitest";

import { portProblems } from "../../../../steps/hosts/port-conflicts.ts";

/** An engine with these containers, "mesh|name|ports". */
const engine = (...containers: string[]) => ({
  docker: async () => containers.map((line) => `${line}\n`).join(""),
});
const needs = (ip: string, port: number) => ({ mesh: "lab", ports: [{ ip, port }] });
const byProgram = (port: string) =>
  `its port ${port} is in use by another program (ss -ltnp shows which; often an Ollama of the machine itself); stop it, or declare another port`;

describe("a port of another container", () => {
  test.each([
    ["on all addresses", "0.0.0.0:11434->11434/tcp, [::]:11434->11434/tcp"],
    ["on the same one", "127.0.0.1:11434->80/tcp"],
    ["on all addresses, as Docker 20.10 writes it", "0.0.0.0:11434->80/tcp, :::11434->80/tcp"],
    ["among others of it", "127.0.0.1:80->80/tcp, 0.0.0.0:11430-11439->11430-11439/tcp"],
  ])("%s", async (_, ports) => {
    expect(await portProblems(engine(`|shop|${ports}`), needs("127.0.0.1", 11_434), [])).toEqual([
      "its port 127.0.0.1:11434 is in use by container shop; stop it, or declare another port",
    ]);
  });

  test.each([
    ["of the mesh itself", "lab|lab-a|0.0.0.0:11434->11434/tcp"],
    ["on another address", "|shop|10.0.0.7:11434->80/tcp"],
    ["that is another one", "|shop|0.0.0.0:11435->11434/tcp"],
    ["that is not published", "|shop|11434/tcp"],
    ["of UDP", "|shop|0.0.0.0:11434->11434/udp, [::]:11434->11434/udp"],
    ["beside a row of others", "|shop|0.0.0.0:11435-11439->11435-11439/tcp"],
  ])("but not one %s", async (_, line) => {
    expect(await portProblems(engine(line), needs("127.0.0.1", 11_434), [])).toEqual([]);
  });
});

describe("a port of another program", () => {
  test.each(["*:11434", "0.0.0.0:11434", "[::]:11434", "[::%eth0]:11434", "10.0.0.7:11434"])(
    "%s",
    async (held) => {
      expect(await portProblems(engine(), needs("10.0.0.7", 11_434), [held])).toEqual([
        byProgram("10.0.0.7:11434"),
      ]);
    },
  );

  test.each(["127.0.0.1:11434", "0.0.0.0:114340", "[::1]:11434"])("but not %s", async (held) => {
    expect(await portProblems(engine(), needs("10.0.0.7", 11_434), [held])).toEqual([]);
  });
});

test("a host on which nothing is published is asked nothing", async () => {
  const docker = () => Promise.reject(new Error("asked"));
  expect(await portProblems({ docker }, { mesh: "lab" }, ["*:80"])).toEqual([]);
});
