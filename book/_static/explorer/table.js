// The table of rates: B-splines over the masses and lifetimes, see "The table in any language". Begin with
// `Table.decode` of what data.js and table-….js hold, then `rates(masses, spectrum)` and its `at(L, flight)`.
((explorer) => {
  "use strict";

  // Evenly spaced nodes, and B-splines of degree 3, or 1, between them.
  class Axis {
    constructor({ start, stop, n, degree }) {
      Object.assign(this, { start, stop, n, degree });
      this.size = degree === 3 ? n + 2 : n; // coefficients
    }

    // Number of the first coefficient that counts at a place, and the weights of all that do.
    weights(at) {
      const place = Math.min(Math.max(((at - this.start) * (this.n - 1)) / (this.stop - this.start), 0), this.n - 1);
      const first = Math.min(Math.floor(place), this.n - 2);
      const f = place - first, g = 1 - f;
      if (this.degree === 1) return [first, [g, f]];
      const f3 = f * f * f, g3 = g * g * g;
      return [first, [g3 / 6, (3 * f3 - 6 * f * f + 4) / 6, (3 * g3 - 6 * g * g + 4) / 6, f3 / 6]];
    }
  }

  // Where masses lie between the nodes.
  class Grid {
    constructor(about) {
      Object.assign(this, about);
      this.ends = about.m_N.map((m_N) => this.u(m_N));
    }

    u(m_N) {
      const t = (Math.log(m_N) - Math.log(this.knee)) / this.width;
      return Math.log(m_N) + 3 * this.width * (Math.max(t, 0) + Math.log1p(Math.exp(-Math.abs(t))));
    }

    axes(degree) {
      return [
        new Axis({ start: this.ends[0], stop: this.ends[1], n: this.n_x, degree }),
        new Axis({ start: 0, stop: 1, n: this.n_v, degree }),
      ];
    }

    // u and v of masses, or null if they lie outside.
    position(m_N, m_Zprime) {
      const [low, high] = this.mediator === "light" ? [this.m_Zprime, m_N] : [m_N, this.m_Zprime];
      const within = (x, a, b) => x >= a * (1 - 1e-9) && x <= b * (1 + 1e-9);
      if (!within(m_N, ...this.m_N) || !within(m_Zprime, low, high)) return null;
      const v = Math.log(m_Zprime / m_N) / Math.log(this.m_Zprime / m_N);
      return [this.u(m_N), Math.max(v, 0) ** this.power];
    }
  }

  // A quantity over the masses: B-splines of its principal components, and the components over further axes.
  class Field {
    constructor(about, grid, coefficients, basis) {
      const [k, nu, nv] = about.coefficients_shape;
      Object.assign(this, { k, nu, nv, grid: grid.axes(about.degree), axes: about.axes.map((axis) => new Axis(axis)) });
      this.columns = this.axes.reduce((product, axis) => product * axis.size, 1);
      this.lead = basis.length / k / this.columns;
      // Components are contiguous in both, for the sums over them.
      this.coefficients = transposed(coefficients, k, nu * nv);
      this.basis = new Float64Array(basis.length);
      for (let i = 0; i < k; i++)
        for (let lead = 0; lead < this.lead; lead++)
          for (let c = 0; c < this.columns; c++)
            this.basis[(c * this.lead + lead) * k + i] = basis[(i * this.lead + lead) * this.columns + c];
    }

    // The quantity at masses, as a function of places on the further axes, none, one or two.
    at([u, v]) {
      const { k, nv, coefficients, basis, lead } = this, [first, second] = this.axes;
      const [[i, wi], [j, wj]] = [this.grid[0].weights(u), this.grid[1].weights(v)];
      const parts = new Float64Array(k);
      for (let di = 0; di < wi.length; di++) {
        for (let dj = 0; dj < wj.length; dj++) {
          const w = wi[di] * wj[dj], from = ((i + di) * nv + j + dj) * k;
          for (let c = 0; c < k; c++) parts[c] += w * coefficients[from + c];
        }
      }
      const kept = new Map(); // places beside each other need the same columns
      const column = (c) => {
        let values = kept.get(c);
        if (values) return values;
        values = new Float64Array(lead);
        for (let l = 0, from = c * lead * k; l < lead; l++, from += k) {
          let sum = 0;
          for (let a = 0; a < k; a++) sum += parts[a] * basis[from + a];
          values[l] = sum;
        }
        kept.set(c, values);
        return values;
      };
      const none = [0, [1]], step = second ? second.size : 1;
      return (place, other) => {
        const [a, wa] = first ? first.weights(place) : none, [b, wb] = second ? second.weights(other) : none;
        const values = new Float64Array(lead);
        for (let da = 0; da < wa.length; da++) {
          for (let db = 0; db < wb.length; db++) {
            const w = wa[da] * wb[db];
            if (!w) continue;
            const own = column((a + da) * step + b + db);
            for (let l = 0; l < lead; l++) values[l] += w * own[l];
          }
        }
        return values;
      };
    }
  }

  function transposed(values, rows, columns) {
    const out = new Float64Array(values.length);
    for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) out[j * rows + i] = values[i * columns + j];
    return out;
  }

  // Numbers that 16-bit differences stand for; an Int16Array wraps around by itself.
  function unpacked(delta, scale) {
    const n = delta.length / scale.length, whole = new Int16Array(n), out = new Float64Array(delta.length);
    scale.forEach(([offset, step], i) => {
      for (let j = 0; j < n; j++) {
        whole[j] = (j ? whole[j - 1] : 0) + delta[i * n + j];
        out[i * n + j] = offset + step * whole[j];
      }
    });
    return out;
  }

  async function inflated(base64) {
    const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Int16Array(await new Response(stream).arrayBuffer());
  }

  // Rates of one spectrum at given masses, per proton on target for unit couplings and efficiency.
  class Rates {
    constructor(table, mediator, name, position) {
      const field = (what) => {
        const found = table.fields[`${mediator}/${name}/${what}`];
        return found && found.at(position);
      };
      this.about = table.spectra[name];
      this.lifetimes = table.fields[`${mediator}/${name}/rate`].axes[0];
      this.flights = table.fields[`${mediator}/${name}/flight`]?.axes[1];
      this.rate = field("rate");
      this.everywhere = field("everywhere");
      this.flight = field("flight");
      this.error = field("error");
      this.correlation = field("correlation");
      this.spectrum = field("spectrum");
    }

    // ln of L and of L of Z′ (cm/GeV; −∞ for none) → mean of each bin (beams × bins), and the covariance of sums over
    // bins (beams × beams) if wanted.
    at(L, flight, withError = false) {
      const { bins, beams } = this.about, axis = this.lifetimes;
      const inside = Math.min(Math.max(L, axis.start), axis.stop);
      const log = this.shorter(this.rate(inside), L - axis.start);
      const shift = -Math.max(L - axis.stop, 0); // the rate of what lives longer
      const own = this.flights && flight > -Infinity ? this.flight(inside, flight) : null;
      const near = own ? Math.exp(Math.min(flight - this.flights.start, 0)) : 0;
      const far = own ? Math.max(flight - this.flights.stop, 0) : 0;
      const total = log.map((value, b) => Math.exp(value + shift + (own ? own[b] * near - far : 0)));
      const covariance = withError ? this.covariance(total, inside, flight) : null;
      if (bins === 1) return { mean: total, covariance };
      const root = this.spectrum(inside, flight).map((x) => Math.max(x, 0));
      const mean = new Float64Array(root.length);
      beams.forEach((_, b) => {
        let sum = 0;
        for (let i = b * bins; i < (b + 1) * bins; i++) sum += root[i] ** 2;
        for (let i = b * bins; i < (b + 1) * bins; i++) mean[i] = (total[b] * root[i] ** 2) / sum;
      });
      return { mean, covariance };
    }

    // Where nearly all decay inside, as many fewer leave as life is shorter than the least of the table, here by its ln.
    shorter(log, by) {
      if (by >= 0) return log;
      const share = -Math.expm1(by);
      return this.everywhere().map((all, b) => log[b] + (all - log[b] < 0.1 ? (all - log[b]) * share : 0));
    }

    // Of the errors of sums over bins, which are correlated among beams.
    covariance(total, inside, flight) {
      const n = total.length, error = this.error(inside, flight).map((log, b) => total[b] * Math.exp(log));
      const correlation = this.correlation ? this.correlation(inside, flight) : [1];
      return Array.from(correlation, (rho, i) => {
        const [a, b] = [Math.floor(i / n), i % n];
        return Math.min(Math.max(rho, -1), 1) * error[a] * error[b];
      });
    }
  }

  class Table {
    constructor(parts) {
      this.grids = {}, this.spectra = {}, this.fields = {};
      for (const { header, values } of parts) {
        for (const [name, about] of Object.entries(header.grids)) this.grids[name] = new Grid(about);
        Object.assign(this.spectra, header.spectra);
        let from = 0;
        for (const [name, about] of Object.entries(header.fields)) {
          const [coefficients, basis] = ["coefficients", "basis"].map((kind) => {
            const size = about[`${kind}_shape`].reduce((product, n) => product * n, 1);
            const delta = values.subarray(from, from + size);
            from += size;
            return unpacked(delta, about[`${kind}_scale`]);
          });
          this.fields[name] = new Field(about, this.grids[name.split("/")[0]], coefficients, basis);
        }
      }
    }

    // A table from what the scripts table-….js hold: a header each, and compressed numbers in base64.
    static async decode(parts) {
      const read = async ({ header, numbers }) => ({ header, values: await inflated(numbers) });
      return new Table(await Promise.all(parts.map(read)));
    }

    // Rates at masses in GeV, or null where the table has none.
    rates(m_N, m_Zprime, name) {
      const mediator = m_Zprime < m_N ? "light" : "heavy";
      const position = this.grids[mediator]?.position(m_N, m_Zprime);
      return position ? new Rates(this, mediator, name, position) : null;
    }
  }

  Object.assign(explorer, { Axis, Table });
})((globalThis.darkExplorer ??= {}));
