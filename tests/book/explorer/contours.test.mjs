// The plane and its edges, with models whose answers are known.
import assert from "node:assert/strict";
import { test } from "node:test";
import { explorer, model } from "./load.mjs";

// One bin without background: excluded above 2.3 events and a little more, for the error of 20 %.
const search = new explorer.Search({
  channels: [{ spectrum: "I", beam: "FHC", exposure: 1, background: [0], observed: [0], systematic: 0.2 }],
});
const limit = Math.exp(-search.excess([1], explorer.threshold(0.9)));
const axes = [{ name: "x", low: 1e-3, high: 1e3 }, { name: "y", low: 1e-3, high: 1e3 }];
const plane = (events, n = 31) => {
  const predict = (point) => (events(point) === null ? null : { mean: Float64Array.of(events(point)) });
  return new explorer.Plane({ predict }, search, {}, axes, 0.9, n).computed();
};
const value = (axis, i, n) => axis.low * (axis.high / axis.low) ** (i / (n - 1));

test("the limit of a counting experiment without events is that of its likelihood", () => {
  assert.ok(limit > 2.3 && limit < 2.45, String(limit));
  assert.ok(Math.abs(search.distance([limit]) - explorer.threshold(0.9)) < 1e-9);
});

test("the edge of a rate that is a product of powers is exact, on any grid", () => {
  for (const n of [17, 30]) {
    const { lines } = plane(({ x, y }) => x ** 2 * y, n).shapes();
    assert.ok(lines.length > n / 2);
    for (const [i, j] of lines.flat()) {
      const rate = value(axes[0], i, n) ** 2 * value(axes[1], j, n);
      assert.ok(Math.abs(rate / limit - 1) < 1e-6, `${rate}`);
    }
  }
});

test("what is excluded has the area inside the edge", () => {
  const found = plane(({ x, y }) => x * y);
  const area = found.shapes().areas.reduce((sum, polygon) => sum + surface(polygon), 0) / 30 ** 2;
  // Below the line ln x + ln y = ln limit, in a square of side ln 10⁶.
  const c = Math.log(limit) / Math.log(1e6);
  assert.ok(Math.abs(area - (1 - c) ** 2 / 2) < 1e-6, String(area));
  assert.ok(Math.abs(found.share() - area) < 0.05);
});

function surface(polygon) {
  return polygon.reduce((sum, [x, y], i) => {
    const [a, b] = polygon[(i + 1) % polygon.length];
    return sum + (x * b - a * y) / 2;
  }, 0);
}

test("a plane without edge is all excluded or nothing", () => {
  const [all, none] = [plane(() => 100), plane(() => 1e-9)];
  assert.deepEqual([all.share(), none.share()], [1, 0]);
  assert.equal(all.shapes().lines.length + none.shapes().lines.length, 0);
  assert.equal(none.middle(), null);
  assert.deepEqual(all.middle().at, [15, 15]);
});

test("cells outside the table are neither excluded nor allowed, and have no edge", () => {
  const found = plane(({ x }) => (x < 1 ? null : 100));
  const { lines, outside } = found.shapes();
  assert.equal(lines.length, 0);
  assert.equal(outside.reduce((sum, polygon) => sum + surface(polygon), 0), 15 * 30);
  assert.equal(found.share(), 1);
});

test("ranges of one parameter end where the edge of the plane is", () => {
  const predict = ({ x }) => ({ mean: Float64Array.of(10 * Math.exp(-(Math.log(x) ** 2))) });
  const [[low, high], ...more] = explorer.ranges({ predict }, search, {}, axes[0], 0.9, 601);
  const end = Math.sqrt(Math.log(10 / limit));
  assert.equal(more.length, 0);
  assert.ok(Math.abs(Math.log(low) + end) < 1e-3 && Math.abs(Math.log(high) - end) < 1e-3);
});

test("benchmark B is excluded by Analysis I down to half its mixing", () => {
  const point = explorer.data.benchmarks.B, own = new explorer.Search(explorer.data.searches.I.today);
  const axis = { name: "V_muN_sq", ...explorer.data.parameters.V_muN_sq };
  const [[low, high]] = explorer.ranges(model, own, point, axis, 0.9);
  assert.equal(high, axis.high);
  assert.ok(low > 1e-7 && low < 1.3e-7, String(low));
});
