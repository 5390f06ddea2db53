import { expect, test } from "vitest";

import { dataFile, njsProgram, programHash } from "../../../templates/njs-program.ts";
import { routedServer } from "../../../templates/nodes/routed-group.ts";
import type { RouterData } from "../../../templates/router-data.ts";
import { ROUTER_SETTINGS } from "../../support/plain-node.ts";

const data: RouterData = {
  nodes: [{ name: "a", kind: "ollama", url: "http://10.0.0.2:11434", places: 1 }],
  ...ROUTER_SETTINGS,
};

test("the program is every source but the stand-in for the data", () => {
  const names = Object.keys(njsProgram());
  expect(names).toContain("main.js");
  expect(names).not.toContain("data.js");
  expect(names).toEqual(names.toSorted());
});

test("lies in one folder: each import finds its file there", () => {
  const program = njsProgram();
  const imported = Object.values(program).flatMap((text) =>
    [...text.matchAll(/from "(\..*)";/g)].map(([, path = ""]) => path),
  );
  const beside = [...Object.keys(program), "data.js"].map((name) => `./${name}`);
  expect(imported.length).toBeGreaterThan(30);
  expect(imported.filter((path) => !beside.includes(path))).toEqual([]);
});

test("another program has another hash", () => {
  const program = njsProgram();
  const other = { ...program, "main.js": `${program["main.js"]}\n` };
  expect(programHash(program)).toMatch(/^[0-9a-f]{16}$/);
  expect(programHash(other)).not.toBe(programHash(program));
});

test("data is a value, whatever strings it holds", async () => {
  const nasty = '"; throw 1; //\\\u2028`${x}`</script>';
  const declared = { ...data, nodes: [{ ...data.nodes[0]!, name: nasty }] };
  const text = dataFile(declared)["data.js"]!;
  const url = `data:text/javascript,${encodeURIComponent(text)}`;
  expect(((await import(url)) as { default: RouterData }).default).toEqual(declared);
});

test.each([
  [
    "a node gets its route",
    "server 10.0.0.2:11434 weight=1 max_fails=10;",
    "server 10.0.0.2:11434 weight=1 max_fails=10 route=a;",
  ],
  [
    "a backup is there twice: for hints, and for nginx when the others fail",
    "server 10.0.0.2:11434 weight=1 backup;",
    "server 10.0.0.2:11434 weight=1 drain route=a; server 10.0.0.2:11434 weight=1 backup;",
  ],
  [
    "a node in maintenance stays out",
    "server 10.0.0.2:11434 weight=1 down;",
    "server 10.0.0.2:11434 weight=1 down route=a;",
  ],
])("%s", (_, line, routed) => {
  expect(routedServer(line, "a")).toBe(routed);
});
