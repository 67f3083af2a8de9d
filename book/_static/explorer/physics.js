// Widths and lifetimes of N and Z′, in GeV and cm. Begin with `Physics(constants).of(θ)`.
((explorer) => {
  "use strict";

  // Complex numbers [re, im].
  const mul = ([a, b], [c, d]) => [a * c - b * d, a * d + b * c];
  const div = ([a, b], [c, d]) => {
    if (Math.abs(c) >= Math.abs(d)) {
      const r = d / c, n = c + d * r;
      return [(a + b * r) / n, (b - a * r) / n];
    }
    const r = c / d, n = c * r + d;
    return [(a * r + b) / n, (b * r - a) / n];
  };
  const add = ([a, b], [c, d]) => [a + c, b + d];
  const scaled = (x, [a, b]) => [x * a, x * b];
  const log = ([a, b]) => [Math.log(Math.hypot(a, b)), Math.atan2(b, a)];
  const sqrt = ([a, b]) => {
    const size = Math.hypot(a, b), t = Math.sqrt((size + Math.abs(a)) / 2);
    if (!t) return [0, 0];
    return a >= 0 ? [t, b / (2 * t)] : [Math.abs(b) / (2 * t), b < 0 ? -t : t];
  };
  const atanh = (z) => scaled(0.5, add(log(add([1, 0], z)), scaled(-1, log(add([1, 0], scaled(-1, z))))));

  // Nodes and weights of Gauss on [0, 1].
  function gauss(n) {
    const x = [], w = [];
    for (let i = 0; i < n; i++) {
      let z = Math.cos((Math.PI * (i + 0.75)) / (n + 0.5)), slope = 0;
      for (let step = 0; step < 8; step++) {
        let [p, q] = [1, 0];
        for (let k = 0; k < n; k++) [p, q] = [((2 * k + 1) * z * p - k * q) / (k + 1), p];
        slope = (n * (z * p - q)) / (z * z - 1);
        z -= p / slope;
      }
      x.push((1 - z) / 2);
      w.push(1 / ((1 - z * z) * slope * slope));
    }
    return [x, w];
  }

  const FAR = 8, SMALLEST_MIXING = 1e-15;
  const U = [], U_WEIGHTS = [];
  for (let panel = 0; panel < 6; panel++) {
    const [x, w] = gauss(16);
    x.forEach((at, i) => (U.push((panel + at) / 6), U_WEIGHTS.push(w[i] / 6)));
  }
  const [THREE, THREE_WEIGHTS] = gauss(3);

  class Physics {
    constructor({ alpha, hbarc, thresholds, hadrons }) {
      Object.assign(this, { alpha, hbarc, thresholds, hadrons });
      const { energy } = hadrons;
      const start = [0, 1, 2, 3].map((i) => thresholds.hadrons + ((energy[0] - thresholds.hadrons) * i) / 4);
      this.edges = [...start, ...energy, Infinity];
      this.last = { key: [] };
    }

    // Decays to a channel over those to massless lepton pairs, for a Z′ of mass √s.
    ratio(s, channel) {
      const threshold = this.thresholds[channel] ** 2;
      if (s <= threshold) return 0;
      const beta = Math.sqrt(1 - threshold / s);
      if (channel !== "hadrons") return (beta * (3 - beta * beta)) / 2;
      const { energy, R } = this.hadrons, E = Math.sqrt(s);
      if (E < energy[0]) return R[0] * (beta / Math.sqrt(1 - threshold / energy[0] ** 2)) ** 3;
      if (E >= energy.at(-1)) return R.at(-1);
      let [i, j] = [0, energy.length - 1];
      while (j - i > 1) {
        const middle = (i + j) >> 1;
        if (energy[middle] <= E) i = middle;
        else j = middle;
      }
      return R[i] + ((R[j] - R[i]) * (E - energy[i])) / (energy[j] - energy[i]);
    }

    totalRatio(s) {
      return this.ratio(s, "electrons") + this.ratio(s, "muons") + this.ratio(s, "hadrons");
    }

    // ε² times the integral over the propagator for each channel: `current_integrals` of the package.
    integrals(m_N, m_Zprime, epsilon) {
      const mixing = Math.max(epsilon, SMALLEST_MIXING);
      const width = ((mixing ** 2 * this.alpha) / 3) * this.totalRatio(m_Zprime ** 2) * (m_Zprime / m_N) ** 2;
      const above = [((m_Zprime - m_N) / m_N) * (m_Zprime / m_N + 1), Math.max(width, 1e-100)];
      const scale = (m_Zprime < m_N ? mixing : epsilon) ** 2;
      const found = {};
      for (const channel in this.thresholds) {
        const threshold = this.thresholds[channel];
        const lowest = (threshold / m_N) ** 2, size = Math.hypot(1 + above[0], above[1]);
        const near = lowest / FAR < size && size < FAR;
        if (lowest >= 1) found[channel] = 0;
        else if (channel === "hadrons") found[channel] = scale * this.hadronic(lowest, above, m_N, near);
        else found[channel] = scale * (near ? leptonicNear : leptonicFar)(lowest, above);
      }
      return found;
    }

    hadronic(lowest, above, m_N, near) {
      let atPole = 0, known = 0;
      if (near) {
        const pole = [1 + above[0], above[1]];
        atPole = this.ratio(Math.min(pole[0], 1) * m_N ** 2, "hadrons");
        known = atPole * nearPole(above, 1 - lowest, (1 - lowest ** 2) / 2, log(div(above, add(pole, [-lowest, 0]))));
      }
      let sum = 0;
      for (let i = 0; i + 1 < this.edges.length && this.edges[i] < m_N; i++) {
        const from = this.edges[i] ** 2, size = Math.min(this.edges[i + 1], m_N) ** 2 - from;
        for (let k = 0; k < 3; k++) {
          const s = from + size * THREE[k];
          const weight = size * THREE_WEIGHTS[k] * (this.ratio(s, "hadrons") - atPole);
          sum += propagated(s / m_N ** 2, weight / m_N ** 2, above);
        }
      }
      return known + sum;
    }

    // What depends on masses and ε alone: the last answer is kept, as points of a plane share it.
    shape(m_N, m_Zprime, epsilon) {
      const { key } = this.last;
      if (key[0] === m_N && key[1] === m_Zprime && key[2] === epsilon) return this.last.value;
      const parts = this.integrals(m_N, m_Zprime, epsilon);
      const sum = parts.electrons + parts.muons + parts.hadrons;
      let width = ((this.alpha / (24 * Math.PI)) * m_N) * sum; // over α_D |V_N|²
      let share = sum > 0 ? parts.electrons / sum : 0;
      if (m_Zprime < m_N && m_Zprime <= this.thresholds.electrons) {
        const r = (m_Zprime / m_N) ** 2; // Z′ leaves with its share of the decays
        width = (((1 / 4) * m_N ** 3) / m_Zprime ** 2) * (1 - r) ** 2 * (1 / 2 + r);
        share = 0;
      }
      const ofZ = ((this.alpha * epsilon ** 2 * m_Zprime) / 3) * this.totalRatio(m_Zprime ** 2);
      const flight = m_Zprime < m_N ? (ofZ > 0 ? this.hbarc / ofZ : Infinity) : 0;
      this.last = { key: [m_N, m_Zprime, epsilon], value: { width, share, flight } };
      return this.last.value;
    }

    // Of a point θ: width of N (GeV), its proper decay length and that of Z′ (cm), share of decays to ν e⁺e⁻,
    // ln L of both in cm/GeV, and the factor of a rate for unit couplings.
    of({ m_N, m_Zprime, alpha_D, epsilon, V_muN_sq, V_N_sq }) {
      const { width, share, flight } = this.shape(m_N, m_Zprime, epsilon);
      const gamma = alpha_D * V_N_sq * width;
      const ctau = gamma > 0 ? this.hbarc / gamma : Infinity;
      return {
        width: gamma, ctau, share, flight,
        L: Math.log(ctau / m_N),
        flightL: Math.log(flight / m_Zprime),
        factor: V_muN_sq * alpha_D * epsilon ** 2 * share,
      };
    }
  }

  // ∫(1−y)²(1+2y) r/|y−z|² dy: the share of a node y with weight r dy.
  function propagated(y, weight, above) {
    return (weight * (1 - y) ** 2 * (1 + 2 * y)) / ((1 - y + above[0]) ** 2 + above[1] ** 2);
  }

  function leptonicFar(lowest, above) {
    const reach = -Math.log(lowest);
    let sum = 0;
    for (let i = 0; i < U.length; i++) {
      const u = U[i], y = lowest * Math.exp(reach * u * u), beta = Math.sqrt(1 - lowest / y);
      sum += propagated(y, (U_WEIGHTS[i] * 2 * reach * u * y * beta * (3 - beta * beta)) / 2, above);
    }
    return sum;
  }

  function leptonicNear(lowest, above) {
    const pole = [1 + above[0], above[1]], root = Math.sqrt(lowest), beta = Math.sqrt(1 - lowest);
    const b = sqrt(add([1, 0], scaled(-1, div([lowest, 0], pole))));
    const atEnd = Math.log((1 + beta) / root);
    const atPole =
      pole[0] < lowest
        ? atanh(div([beta, 0], b))
        : add(log(scaled(1 / root, add(b, [beta, 0]))), scaled(0.5, log(div(pole, above))));
    const cubic = mul(b, add([3, 0], scaled(-1, mul(b, b))));
    const transform = add(add(scaled(beta, div([lowest, 0], pole)), [2 * atEnd, 0]), scaled(-1, mul(cubic, atPole)));
    return nearPole(above, beta ** 3, (beta * (2 + lowest)) / 4 - (3 / 4) * lowest ** 2 * atEnd, transform);
  }

  // The integral from ∫r dy, ∫r y dy and ∫r/(y−z) dy, by division of polynomials.
  function nearPole([beyond, width], area, moment, [real, imaginary]) {
    const byReal = 6 * beyond * (1 + beyond) - 2 * width ** 2;
    const byImaginary = beyond ** 2 * (3 + 2 * beyond) - (6 * beyond + 3) * width ** 2;
    return 2 * moment + (4 * beyond + 1) * area + byReal * real + (byImaginary * imaginary) / width;
  }

  Object.assign(explorer, { Physics });
})((globalThis.darkExplorer ??= {}));
