// npm run schema: writes schema.json anew, from the arguments and their docstrings.
import "../node/oldest-node.mjs";
import { writeFile } from "node:fs/promises";

import { packageSchema, SCHEMA_FILE, schemaText } from "./schema.mjs";

await writeFile(SCHEMA_FILE, await schemaText(await packageSchema()));
