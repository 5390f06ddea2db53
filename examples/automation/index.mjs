// A mesh that a program of yours brings up, without a project of Pulumi's: node index.mjs up | preview | destroy
import { LocalWorkspace } from "@pulumi/pulumi/automation/index.js";
import { OllamaMesh } from "ollama-mesh";

const stack = await LocalWorkspace.createOrSelectStack({
  projectName: "chat",
  stackName: "office",
  program: async () => {
    const { endpoint, nodes } = new OllamaMesh("chat", {
      nodes: [{ name: "a" }, { name: "b" }],
      models: ["llama3.2:3b"],
      balancer: { listen: { port: 11434 } },
    });
    return { endpoint, nodes };
  },
});

const what = process.argv[2];
if (what === "up") {
  const { outputs } = await stack.up({ onOutput: console.log });
  console.log(outputs.endpoint?.value);
} else if (what === "destroy") {
  await stack.destroy({ onOutput: console.log });
} else {
  await stack.preview({ onOutput: console.log, expectNoChanges: what === "unchanged" });
}
