// The link that holds a state, and how numbers are written.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { test } from "node:test";
import { explorer } from "./load.mjs";

createRequire(import.meta.url)(fileURLToPath(new URL("../../../book/_static/explorer/ui.js", import.meta.url)));
const { asHash, fromHash, initial, number, withError } = explorer;

test("a link holds the whole state", () => {
  const state = {
    ...initial(), m_N: 0.0317, epsilon: 2.5e-3, V_N_sq: 3.2e-9, analysis: "I + II", exposure: "phase I", cl: 0.95, x: "epsilon",
    y: "m_Zprime", limits: false,
  };
  assert.deepEqual(fromHash(asHash(state), initial()), state);
});

test("what a link says wrongly is as before", () => {
  const before = initial();
  for (const hash of ["", "#how-to-read-it", "#m_N=-1", "#m_N=1e9", "#m_N=heavy", "#analysis=III", "#cl=2", "#x=m_N&y=m_N"])
    assert.deepEqual(fromHash(hash, before), before);
});

test("numbers are written with powers of ten where zeros would be many", () => {
  const plain = (text) => text.replaceAll("\u00a0", " ");
  assert.deepEqual([0.1, 12345, 0, 2.2e-7, 5e21].map((x) => plain(number(x))), ["0.1", "12300", "0", "2.20 × 10⁻⁷", "5.00 × 10²¹"]);
  assert.equal(number(Infinity), "∞");
});

test("a mean is written to the digits of its error", () => {
  const plain = (text) => text.replaceAll("\u00a0", " ");
  assert.deepEqual(
    [[4.7029, 0.0508], [12.3456, 0.123], [21234, 1523], [4.2e-7, 1.2e-8]].map((pair) => plain(withError(...pair))),
    ["4.70 ± 0.05", "12.35 ± 0.12", "21234 ± 1523", "(4.20 ± 0.12) × 10⁻⁷"],
  );
});
