// Imported first by what people start in a clone: with an older Node the next import would end in a stack trace.

/** It has `import.meta.dirname`. What needs a newer one runs under that which the toolchain puts in place. */
const OLDEST = "20.11";

if (process.versions.node.localeCompare(OLDEST, "en", { numeric: true }) < 0) {
  console.error(
    `this needs Node.js ${OLDEST} or newer to begin with, and the node on the PATH is ${process.version} (${process.execPath}); install a newer one, or put its folder first on the PATH`,
  );
  process.exit(1);
}
