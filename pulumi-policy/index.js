require("../pulumi-plugin/node-version.js");

// A pack's version is that of the package.json in the folder in which it runs.
process.chdir(require("node:path").join(__dirname, ".."));
try {
  require("../dist/policy/pack.js");
} catch (error) {
  const isMissing =
    error.code === "ERR_MODULE_NOT_FOUND" && error.message.includes("'@pulumi/policy'");
  if (!isMissing) throw error;
  console.error(
    "the policy pack of ollama-mesh needs @pulumi/policy, which is not installed: npm install @pulumi/policy",
  );
  process.exit(1);
}
