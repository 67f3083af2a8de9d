// Loads the scripts of the explorer, and what `write_scripts` wrote for them, as a page does.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const require = createRequire(import.meta.url);
const scripts = fileURLToPath(new URL("../../../book/_static/explorer/", import.meta.url));
for (const name of ["table.js", "physics.js", "likelihood.js", "contours.js"]) require(join(scripts, name));

const folder = process.env.EXPLORER_DATA;
for (const name of ["data.js", "table-I.js", "table-II.js"]) require(join(folder, name));

export const explorer = globalThis.darkExplorer;
export const reference = JSON.parse(readFileSync(join(folder, "reference.json"), "utf8"));
export const table = await explorer.Table.decode(explorer.parts);
export const physics = new explorer.Physics(explorer.data.constants);
export const model = new explorer.Model(table, physics);
