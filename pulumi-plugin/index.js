require("./node-version.js");
require("../dist/plugin/main.js");
