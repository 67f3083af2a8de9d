// Does the JavaScript of the page on the format of the table read what numpy reads?
// node table.mjs PAGE FILE: FILE holds header, arrays and, for fields at some places, what numpy reads.
import assert from "node:assert";
import {readFileSync} from "node:fs";

const [page, file] = process.argv.slice(2).map(path => readFileSync(path, "utf8"));
const code = page.match(/```js\n([^]*?)```/)[1];
const value = new Function(`${code}; return value;`)();
const {header, arrays, expected} = JSON.parse(file);
for (const array of Object.values(arrays)) array.data = Int16Array.from(array.data);
for (const {name, m_N, m_Zprime, at, values} of expected) {
  const found = value(header, arrays, name, m_N, m_Zprime, at);
  assert.strictEqual(found.length, values.length, name);
  found.forEach((one, i) => assert.ok(Math.abs(one - values[i]) < 1e-9 * (1 + Math.abs(values[i])), name));
}
console.log(`${expected.length} values of the table are read alike by JavaScript and numpy`);
