// The package as a Pulumi plugin. The engine starts it in the program's folder, with its own address as the last word.
import * as pulumi from "@pulumi/pulumi";
import { runStepsByNote } from "../components/steps-note.ts";
import { provider } from "./provider.ts";

try {
  runStepsByNote();
} catch (error) {
  // The engine shows what a plugin said that has ended.
  process.stderr.write(`${(error as Error).message}\n`);
  process.exit(1);
}
// Not awaited: where there is no executable, Pulumi loads this by require(), which takes no await here.
void pulumi.provider.main(provider, process.argv.slice(2));
