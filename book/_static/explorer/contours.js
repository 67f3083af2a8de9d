// A plane of two parameters: which points are excluded, and the edge between them. Begin with `Plane`.
((explorer) => {
  "use strict";

  // Values of a logarithmic axis.
  const spaced = (low, high, n) =>
    Array.from({ length: n }, (_, i) => Math.exp(Math.log(low) + (Math.log(high / low) * i) / (n - 1)));

  // What changes with a parameter: rates with a mass, widths with ε, and of the others only factors.
  const cost = (name) => (name.startsWith("m_") ? 2 : name === "epsilon" ? 1 : 0);

  class Plane {
    // `axes` are two of { name, low, high }; points have n values along each.
    constructor(model, search, point, axes, cl, n) {
      Object.assign(this, { model, search, point, axes, n, threshold: explorer.threshold(cl) });
      this.values = axes.map(({ low, high }) => spaced(low, high, n));
      this.signals = new Array(n * n); // of point (i, j), number i n + j; null outside the table
      this.distance = new Float64Array(n * n);
      this.known = new Float64Array(n * n).fill(NaN);
    }

    // Computes row after row, so that a caller can stop; rows go along the axis that costs more.
    *rows() {
      const [x, y] = this.axes.map(({ name }) => name), first = cost(x) >= cost(y);
      for (let a = 0; a < this.n; a++) {
        for (let b = 0; b < this.n; b++) {
          const [i, j] = first ? [a, b] : [b, a];
          const point = { ...this.point, [x]: this.values[0][i], [y]: this.values[1][j] };
          const signal = this.model.predict(point, this.search)?.mean ?? null;
          this.signals[i * this.n + j] = signal;
          this.distance[i * this.n + j] = signal ? this.search.distance(signal) : NaN;
        }
        yield;
      }
    }

    computed() {
      for (const _ of this.rows());
      return this;
    }

    // ln(rate / largest rate that is allowed) of a point, computed where an edge needs it.
    excess(index) {
      if (Number.isNaN(this.known[index]) && this.signals[index])
        this.known[index] = this.search.excess(this.signals[index], this.threshold);
      return this.known[index];
    }

    excluded(index) {
      return this.distance[index] > this.threshold;
    }

    // Share of the points of the table that are excluded.
    share() {
      const inside = this.distance.filter((x) => !Number.isNaN(x));
      return inside.length ? inside.filter((x) => x > this.threshold).length / inside.length : NaN;
    }

    // Polygons that fill what is excluded, lines between that and the rest, and cells outside the table; corners are
    // in units of the grid. The edge is interpolated in the logarithm of the rate over its limit.
    shapes() {
      const { n } = this, areas = [], lines = [], outside = [];
      for (let j = 0; j + 1 < n; j++) {
        for (let i = 0; i + 1 < n; i++) {
          const corners = [[i, j], [i + 1, j], [i + 1, j + 1], [i, j + 1]];
          const index = corners.map(([a, b]) => a * n + b);
          if (index.some((one) => !this.signals[one])) {
            runs(outside, i, j);
            continue;
          }
          const inside = index.map((one) => this.excluded(one));
          if (inside.every(Boolean)) runs(areas, i, j);
          else if (inside.some(Boolean)) {
            const polygon = [], crossings = [];
            corners.forEach((corner, c) => {
              const next = (c + 1) % 4;
              if (inside[c]) polygon.push(corner);
              if (inside[c] === inside[next]) return;
              const [e, f] = [this.excess(index[c]), this.excess(index[next])];
              const t = Math.min(Math.max(e / (e - f), 0), 1) || 0, to = corners[next];
              const at = [corner[0] + t * (to[0] - corner[0]), corner[1] + t * (to[1] - corner[1])];
              polygon.push(at);
              crossings.push(at);
            });
            areas.push(polygon);
            for (let c = 0; c < crossings.length; c += 2) lines.push([crossings[c], crossings[c + 1]]);
          }
        }
      }
      return { areas, lines, outside };
    }

    // Point of the grid that lies deepest in what is excluded, and how deep; null if there is none.
    middle() {
      const { n } = this, depth = new Float64Array(n * n);
      const step = (i, j, di, dj) => {
        const at = i * n + j, beyond = i + di < 0 || j + dj < 0 || i + di >= n || j + dj >= n;
        const next = beyond ? 0 : depth[(i + di) * n + j + dj];
        depth[at] = this.excluded(at) ? Math.min(depth[at] || Infinity, next + 1) : 0;
      };
      for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) (step(i, j, -1, 0), step(i, j, 0, -1));
      for (let i = n - 1; i >= 0; i--) for (let j = n - 1; j >= 0; j--) (step(i, j, 1, 0), step(i, j, 0, 1));
      const deepest = depth.reduce((best, d, at) => (d > depth[best] ? at : best), 0);
      return depth[deepest] ? { at: [Math.floor(deepest / n), deepest % n], depth: depth[deepest] } : null;
    }
  }

  // Whole cells of a row as one rectangle, as long as they lie side by side.
  function runs(areas, i, j) {
    const last = areas.at(-1);
    if (last?.row === j && last[1][0] === i) last[1][0] = last[2][0] = i + 1;
    else areas.push(Object.assign([[i, j], [i + 1, j], [i + 1, j + 1], [i, j + 1]], { row: j }));
  }

  // Ranges of one parameter that are excluded, all others held: pairs of values, ends of the axis where it goes on.
  function ranges(model, search, point, { name, low, high }, cl, n = 121) {
    const values = spaced(low, high, n), limit = explorer.threshold(cl), found = [];
    let before = NaN, open = null;
    values.forEach((value, i) => {
      const signal = model.predict({ ...point, [name]: value }, search);
      const here = signal ? search.excess(signal.mean, limit) : NaN;
      const between = () => Math.exp(Math.log(values[i - 1]) + (Math.log(value / values[i - 1]) * before) / (before - here));
      if (here > 0 && open === null) open = before <= 0 ? between() : value;
      if (!(here > 0) && open !== null) {
        found.push([open, here <= 0 ? between() : values[i - 1]]);
        open = null;
      }
      before = here;
    });
    if (open !== null) found.push([open, high]);
    return found;
  }

  Object.assign(explorer, { Plane, ranges, spaced });
})((globalThis.darkExplorer ??= {}));
