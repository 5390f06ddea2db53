// Declares what commands.json in the project's folder lists.
import { readFileSync } from "node:fs";

import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";

import type { Wanted } from "../command-project.ts";

const wanted: Record<string, Wanted> = JSON.parse(readFileSync("commands.json", "utf8"));
const connection = { host: "127.0.0.1" };

for (const [name, { kind, secret, options, ...args }] of Object.entries(wanted)) {
  const inputs: Record<string, unknown> = { ...args };
  for (const key of secret ?? []) inputs[key] = pulumi.secret(inputs[key]);
  if (kind === "remote.Command") {
    new command.remote.Command(name, { connection, create: "true" });
  } else if (kind === "remote.CopyToRemote") {
    const source = new pulumi.asset.StringAsset("text");
    new command.remote.CopyToRemote(name, { connection, source, remotePath: "/nowhere" });
  } else if (kind === "local.run") {
    await command.local.run({ command: "true" });
  } else {
    new command.local.Command(name, inputs, options ?? {});
  }
}
