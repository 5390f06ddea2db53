// Which machines the words and options of `ollama-mesh discover` name.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, expect, test } from "vitest";

import { addressesOf, engineOf, sshConfigHosts } from "../../../cli/discover/places.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ollama-mesh-places-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test.each([
  ["local", "unix:///var/run/docker.sock"],
  ["rack1", "ssh://rack1"],
  ["ops@rack1.lan", "ssh://ops@rack1.lan"],
  ["ops@10.0.0.7:2222", "ssh://ops@10.0.0.7:2222"],
  ["ssh://ops@rack1:22", "ssh://ops@rack1:22"],
  ["tcp://rack1:2376", "tcp://rack1:2376"],
])("%s is %s", (word, endpoint) => {
  expect(engineOf(word)).toBe(endpoint);
});

test.each(["", "-oProxyCommand=evil", "rack1; rm -rf /", "http://rack1", "tcp://rack1", "a b"])(
  "%j is no machine, and never reaches a command",
  (word) => {
    expect(() => engineOf(word)).toThrow(`${word} is no machine; write what ssh takes`);
  },
);

test("an ssh config names its hosts, once each, and patterns and comments are none", async () => {
  const file = join(folder, "config");
  await writeFile(
    file,
    `# Host commented
Host rack1 rack2.lan
  HostName 10.0.0.1
host=rack3
Host *.lan !rack2.lan gpu?
Host *
  User ops
Host rack1
Host rack4 # the racks
Host "rack5"
`,
  );
  const names = ["rack1", "rack2.lan", "rack3", "rack4", "rack5"];
  expect(await sshConfigHosts(file)).toEqual(names.map((name) => `ssh://${name}`));
  await expect(sshConfigHosts(join(folder, "none"))).rejects.toThrow(
    /none cannot be read: ENOENT.*; name the machines instead$/,
  );
});

test.each([
  ["192.168.1.0/30", ["192.168.1.1", "192.168.1.2"]],
  ["192.168.1.8/31", ["192.168.1.8", "192.168.1.9"]],
  ["192.168.1.9", ["192.168.1.9"]],
])("%s are its addresses but the first and the last, which are no machines", (range, addresses) => {
  expect(addressesOf(range)).toEqual(addresses);
});

test("a /24 is the largest range", () => {
  expect(addressesOf("10.1.2.0/24")).toHaveLength(254);
  expect(() => addressesOf("10.1.0.0/23")).toThrow(
    "--range may have 256 addresses (/24), 10.1.0.0/23 has 512",
  );
});

test.each(["10.0.0.1/24", "fd00::/120", "lan", ""])("%j is no range", (range) => {
  expect(() => addressesOf(range)).toThrow(
    `--range must be an IPv4 network as 192.168.1.0/24, got ${range}`,
  );
});
