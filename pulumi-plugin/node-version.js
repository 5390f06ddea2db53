// Pulumi starts plugins and packs by whatever Node.js is on the PATH. An older one would end in the middle, by a word
// that it does not know.
const { engines } = require("../package.json");

const oldest = engines.node.slice(">=".length);
if (process.versions.node.localeCompare(oldest, "en", { numeric: true }) < 0) {
  console.error(
    `ollama-mesh needs Node.js ${oldest} or newer, and the node on the PATH is ${process.version} (${process.execPath}); install a newer one, or put its folder first on the PATH`,
  );
  process.exit(1);
}
