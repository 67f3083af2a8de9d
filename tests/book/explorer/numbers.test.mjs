// The numbers of the explorer against those of the package: reference.json, see tests/book/test_explorer.py.
import assert from "node:assert/strict";
import { test } from "node:test";
import { explorer, model, physics, reference } from "./load.mjs";

// Relative difference that is allowed: both compute in double precision, and Python looks for a limit to 1e-9.
const SAME = 1e-6;

function agree(found, expected, what, least = 0) {
  const size = Math.max(Math.abs(expected), least);
  assert.ok(Math.abs(found - expected) <= SAME * size, `${what}: ${found}, and ${expected} in Python`);
}

test("widths, lifetimes and branching ratios are those of the package", () => {
  for (const { point, width, ctau, share, flight } of reference.points) {
    const of = physics.of(point), at = JSON.stringify(point);
    agree(of.width, width, `width at ${at}`);
    agree(of.ctau, ctau, `lifetime at ${at}`);
    agree(of.share, share, `branching ratio at ${at}`);
    agree(of.flight, flight, `flight of Z′ at ${at}`);
  }
});

test("expected events of all bins are those of the package", () => {
  for (const { point, searches } of reference.points) {
    for (const { analysis, exposure, mean } of searches) {
      const signal = model.predict(point, new explorer.Search(explorer.data.searches[analysis][exposure]));
      const at = `${analysis}, ${exposure}, at ${JSON.stringify(point)}`, most = Math.max(...mean);
      // A bin with next to nothing in it is compared with the fullest.
      mean.forEach((value, i) => agree(signal.mean[i], value, `bin ${i} of ${at}`, 1e-6 * most));
    }
  }
});

test("ln L, the distance from no signal and that from the limit are those of the package", () => {
  for (const { point, searches } of reference.points) {
    for (const { analysis, exposure, log_likelihood, distance, excess } of searches) {
      const search = new explorer.Search(explorer.data.searches[analysis][exposure]);
      const { mean } = model.predict(point, search), at = `${analysis}, ${exposure}, at ${JSON.stringify(point)}`;
      agree(search.logLikelihood(mean), log_likelihood, `ln L of ${at}`, 1);
      agree(search.distance(mean), distance, `distance of ${at}`, 1);
      for (const [cl, value] of Object.entries(excess)) {
        agree(search.excess(mean, explorer.threshold(+cl)), value, `excess at ${cl} of ${at}`, 1);
      }
    }
  }
});

test("a verdict is that of the package", () => {
  for (const { point, searches } of reference.points) {
    for (const { analysis, exposure, status, events, error_of_events } of searches) {
      const found = model.verdict(point, new explorer.Search(explorer.data.searches[analysis][exposure]), 0.9);
      assert.equal(found.status, status);
      agree(found.events, events, "expected events");
      agree(found.error, error_of_events, "their error");
    }
  }
});

test("masses outside the table have no verdict", () => {
  const search = new explorer.Search(explorer.data.searches.I.today);
  const point = { ...explorer.data.benchmarks.B, m_N: 2 };
  assert.equal(model.predict(point, search), null);
  assert.equal(model.verdict(point, search, 0.9).status, "no statement");
});
