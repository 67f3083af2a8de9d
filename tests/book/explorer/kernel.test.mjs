// Sums of weights times a kernel against those of the package: kernel.json, see tests/book/test_explorer.py.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "node:test";

createRequire(import.meta.url)(fileURLToPath(new URL("../../../book/_static/explorer/kernel.js", import.meta.url)));
const { KernelSample } = globalThis.darkExplorer;
const { sample, estimates } = JSON.parse(readFileSync(join(process.env.EXPLORER_DATA, "kernel.json"), "utf8"));

test("an estimate with its error, its bias and the error of that are those of the package", () => {
  const own = new KernelSample(sample);
  for (const { h, slope, ...expected } of estimates) {
    const [found] = own.estimates(h, 1, slope);
    // The page has four digits of each number.
    for (const [name, value] of Object.entries(expected))
      assert.ok(Math.abs(found[name] * sample.truth - value) < 2e-3 * expected.mean, `${name}: ${found[name]}, ${value}`);
  }
});

test("samples without common events have the estimate of all of them as their mean", () => {
  const own = new KernelSample(sample), [all] = own.estimates(0.6, 1, "plain");
  const parts = own.estimates(0.6, 8, "plain").map(({ mean }) => mean);
  assert.ok(Math.abs(parts.reduce((a, b) => a + b) / 8 - all.mean) < 1e-9);
  assert.ok(new Set(parts).size === 8);
});
