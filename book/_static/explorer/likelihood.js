// Expected events, the likelihood of the paper, and what it excludes. Begin with `Model.predict` and `Search`.
((explorer) => {
  "use strict";

  // The counts of an analysis. Each bin has a relative systematic error η, so that α = μ²/σ² + 1 = 1/η² + 1, and
  // ln L = k [ln μ − ln(1 + η²μ)] − α ln(1 + η²μ) and what does not depend on μ, for a total expectation μ.
  class Search {
    constructor({ channels }) {
      this.channels = channels;
      const all = (what) => channels.flatMap((c) => what(c));
      this.background = Float64Array.from(all((c) => c.background));
      this.observed = Float64Array.from(all((c) => c.observed));
      this.eta2 = Float64Array.from(all((c) => c.observed.map(() => c.systematic ** 2)));
      this.constant = [...this.observed].reduce((sum, k, i) => {
        let own = k * Math.log(this.eta2[i]); // Γ(k + α) / Γ(α) / k! as a product
        for (let j = 0; j < k; j++) own += Math.log((j + 1 + 1 / this.eta2[i]) / (j + 1));
        return sum + own;
      }, 0);
      this.noSignal = this.logLikelihood(new Float64Array(this.observed.length), 1);
    }

    // ln L of a signal in each bin, times a scale.
    logLikelihood(signal, scale = 1) {
      let sum = this.constant;
      for (let i = 0; i < signal.length; i++) {
        const k = this.observed[i], mean = scale * signal[i] + this.background[i];
        const shrunk = Math.log1p(this.eta2[i] * mean);
        sum -= (1 / this.eta2[i] + 1) * shrunk;
        if (k) sum += k * (Math.log(mean) - shrunk);
      }
      return sum;
    }

    // −Δ ln L: how far ln L falls below its value without signal, or here, whichever is larger.
    distance(signal, scale = 1) {
      return Math.max(this.noSignal - this.logLikelihood(signal, scale), 0);
    }

    // ln(rate / largest rate that is allowed): zero at the limit, cut at ±40.
    excess(signal, threshold) {
      const height = (s) => this.logLikelihood(signal, Math.exp(s)) - this.noSignal + threshold; // falls with s
      let [low, high] = height(0) > 0 ? [0, 1] : [-1, 0];
      while (height(low) <= 0) if (low <= -40) return 40; else low = Math.max(2 * low, -40);
      while (height(high) > 0) if (high >= 40) return -40; else high = Math.min(2 * high, 40);
      let [above, below] = [height(low), Math.max(height(high), -1e300)];
      for (let i = 0, side = 0; i < 60 && high - low > 1e-7; i++) {
        const middle = Math.min(Math.max((low * below - high * above) / (below - above), low), high);
        const value = height(middle);
        if (Math.abs(value) < 1e-10) return -middle;
        if (value > 0) {
          [low, above] = [middle, value];
          if (side === 1) below /= 2; // Illinois: the end that stays counts half
          side = 1;
        } else {
          [high, below] = [middle, Math.max(value, -1e300)];
          if (side === -1) above /= 2;
          side = -1;
        }
      }
      return -(low + high) / 2;
    }
  }

  // −Δ ln L beyond which a point is excluded: half the quantile of χ² for two parameters.
  const threshold = (cl) => -Math.log1p(-cl);

  // Predictions of a table for points θ.
  class Model {
    constructor(table, physics) {
      Object.assign(this, { table, physics, last: {} });
    }

    // Rates of a spectrum for unit couplings. Points of a plane come one after the other, and share masses or lifetimes
    // with the one before, so that what was found for it is kept.
    rates(name, { m_N, m_Zprime }, { L, flightL }, withError) {
      const { last } = this;
      if (last.m_N !== m_N || last.m_Zprime !== m_Zprime) this.last = { m_N, m_Zprime, at: {}, found: {} };
      const { at, found } = this.last;
      if (!(name in at)) at[name] = this.table.rates(m_N, m_Zprime, name);
      if (!at[name]) return null;
      const own = found[name];
      if (own && own.L === L && own.flightL === flightL && (own.covariance || !withError)) return own;
      return (found[name] = { L, flightL, ...at[name].at(L, flightL, withError) });
    }

    // Signal in each bin of a search, and the error of their sum if wanted; null where the table has none.
    predict(point, search, withError = false) {
      const of = this.physics.of(point), light = point.m_Zprime < point.m_N;
      const mean = new Float64Array(search.observed.length), scales = [];
      let to = 0;
      for (const { spectrum, beam, exposure, observed } of search.channels) {
        const found = this.rates(spectrum, point, of, withError);
        if (!found) return null;
        const { beams, bins, max_mass } = this.table.spectra[spectrum], b = beams.indexOf(beam);
        const scale = light && max_mass !== null && point.m_Zprime >= max_mass ? 0 : of.factor * exposure;
        scales.push({ spectrum, scale, b, n: beams.length, covariance: found.covariance });
        for (let i = 0, from = b * bins; i < observed.length; i++, from++, to++) mean[to] = scale * found.mean[from];
      }
      if (!withError) return { mean, of };
      let square = 0;
      for (const one of scales)
        for (const other of scales)
          if (one.spectrum === other.spectrum)
            square += one.scale * other.scale * one.covariance[one.b * one.n + other.b];
      return { mean, of, error: Math.sqrt(Math.max(square, 0)) };
    }

    // All that there is to say of one point.
    verdict(point, search, cl) {
      const signal = this.predict(point, search, true);
      if (!signal) return { of: this.physics.of(point), status: "no statement" };
      const sum = (values) => values.reduce((total, x) => total + x, 0);
      const distance = search.distance(signal.mean);
      return {
        of: signal.of,
        events: sum(signal.mean),
        error: signal.error,
        distance,
        excess: sum(signal.mean) > 0 ? search.excess(signal.mean, threshold(cl)) : -40,
        status: distance > threshold(cl) ? "excluded" : "not excluded",
      };
    }
  }

  Object.assign(explorer, { Search, Model, threshold });
})((globalThis.darkExplorer ??= {}));
