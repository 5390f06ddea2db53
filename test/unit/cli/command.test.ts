// How the command line of ollama-mesh is read.
import { expect, test } from "vitest";

import { readCommandLine, textOption, textOptions, UsageError } from "../../../cli/command.ts";
import { discover } from "../../../cli/discover/discover.ts";
import { doctor } from "../../../cli/doctor/doctor.ts";
import { restart } from "../../../cli/restart.ts";

const COMMANDS = { discover, doctor, restart };

test("a command gets its words and options", () => {
  const line = ["discover", "rack1", "--range", "10.0.0.0/28", "--range=10.1.0.0/30", "--json"];
  const { name, given } = readCommandLine(line, COMMANDS)!;
  expect(name).toBe("discover");
  expect(given.words).toEqual(["rack1"]);
  expect(textOptions(given, "range")).toEqual(["10.0.0.0/28", "10.1.0.0/30"]);
  expect(textOption(given, "user")).toBeUndefined();
  expect(given.values["json"]).toBe(true);
});

test.each([[], ["--help"], ["-h"]])("without a command it is asked for help: %j", (...args) => {
  expect(readCommandLine(args, COMMANDS)).toBeUndefined();
});

test.each([
  [["docter"], "docter is no command; did you mean doctor?; ollama-mesh --help lists them"],
  [["toString"], "toString is no command; ollama-mesh --help lists them"],
  [
    ["doctor", "--jsn"],
    "ollama-mesh doctor: Unknown option '--jsn'; ollama-mesh doctor --help says more",
  ],
  [
    ["restart", "a", "--stack"],
    "ollama-mesh restart: Option '--stack <value>' argument missing; ollama-mesh restart --help says more",
  ],
  [
    ["restart", "a", "--drain-seconds", "-1"],
    "ollama-mesh restart: Option '--drain-seconds' argument is ambiguous; ollama-mesh restart --help says more",
  ],
])("%j is refused with the way out", (args, message) => {
  expect(() => readCommandLine(args, COMMANDS)).toThrow(new UsageError(message));
});

test.each(Object.entries(COMMANDS))(
  "the help of %s has its options and examples",
  (name, command) => {
    expect(command.help).toMatch(new RegExp(`^Usage: ollama-mesh ${name} `));
    for (const option of Object.keys(command.options))
      expect(command.help).toContain(`  --${option} `);
    expect(command.help).toMatch(new RegExp(`^ {2}.*ollama-mesh ${name}\\b`, "m"));
    expect(command.help.split("\n").filter((line) => line.length > 120)).toEqual([]);
  },
);

test("words that a command does not take are refused", async () => {
  await expect(doctor.run({ words: ["now"], values: {} })).rejects.toThrow(
    'doctor takes no words, got "now"',
  );
  await expect(restart.run({ words: [], values: {} })).rejects.toThrow(
    "restart takes the name of one node",
  );
});
