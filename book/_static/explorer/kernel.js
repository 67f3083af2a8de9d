// Bandwidth against events on a real sample: sums of weights times a kernel, in samples without common events.
// Begin with `KernelSample`; the page holds its events as JSON, see paper/kernel_events.py.
((explorer) => {
  "use strict";

  const WIDER = Math.SQRT2, LEAST = 0.03, PARTS = [64, 32, 16, 8, 4, 2, 1], CURVES = 16, POINTS = 40;

  class KernelSample {
    // Columns: distances x and y from the point in logarithms of both masses, weights without and with the slope
    // divided out, and a number from 0 to 1 that shares the events out.
    constructor({ x, y, plain, divided, share, simulated, reach, truth }) {
      Object.assign(this, { x, y, share, simulated, reach, truth, weights: { plain, divided } });
      this.r2 = x.map((a, i) => a * a + y[i] * y[i]);
      this.near = x.map((_, i) => i).sort((a, b) => this.r2[a] - this.r2[b]);
    }

    // Estimate over truth of each of `parts` samples with Epanechnikov's kernel: its mean and error, and the
    // difference to a kernel √2 times wider, which estimates the bias, with the error of that.
    estimates(h, parts, slope) {
      const w = this.weights[slope], sums = Array.from({ length: parts }, () => [0, 0, 0, 0]);
      const norm = (width) => ((2 / Math.PI) * parts) / (width * width * this.truth), wide = WIDER * h;
      const [narrow, other] = [norm(h), norm(wide)];
      for (const i of this.near) {
        const r2 = this.r2[i];
        if (r2 >= wide * wide) break;
        const k = w[i] * narrow * Math.max(1 - r2 / (h * h), 0);
        const d = w[i] * other * (1 - r2 / (wide * wide)) - k, own = sums[Math.floor(this.share[i] * parts)];
        own[0] += k;
        own[1] += k * k;
        own[2] += d;
        own[3] += d * d;
      }
      return sums.map(([mean, square, bias, own]) => ({
        mean, error: Math.sqrt(square), bias, biasError: Math.sqrt(own), effective: square ? mean ** 2 / square : 0,
      }));
    }
  }

  // Mean and standard deviation of several samples.
  function spread(values) {
    const mean = values.reduce((a, b) => a + b, 0) / values.length;
    const square = values.reduce((a, b) => a + (b - mean) ** 2, 0) / Math.max(values.length - 1, 1);
    return [mean, Math.sqrt(square)];
  }

  // ---- the drawing

  const signed = (x) => `${x < 0 ? "−" : "+"}${Math.abs(x).toFixed(2)}`;

  function frame(width, height, { low, high }, { bottom, top }, log) {
    const box = { left: 46, right: width - 10, top: 10, bottom: height - 42 };
    const along = (v) => (log ? Math.log(v / low) / Math.log(high / low) : (v - low) / (high - low));
    return {
      box,
      x: (v) => box.left + (box.right - box.left) * along(v),
      y: (v) => box.bottom - (box.bottom - box.top) * ((v - bottom) / (top - bottom)),
    };
  }

  function axes({ box, x, y }, ticksX, ticksY, nameX, nameY) {
    const out = [`<rect class="k-frame" x="${box.left}" y="${box.top}" width="${box.right - box.left}" height="${box.bottom - box.top}"/>`];
    for (const v of ticksX) out.push(`<path class="k-frame" d="M${x(v)} ${box.bottom}v-6"/><text x="${x(v)}" y="${box.bottom + 16}" text-anchor="middle">${String(v).replace("-", "−")}</text>`);
    for (const v of ticksY) out.push(`<path class="k-frame" d="M${box.left} ${y(v)}h6"/><text x="${box.left - 6}" y="${y(v) + 4}" text-anchor="end">${String(v).replace("-", "−")}</text>`);
    out.push(`<text x="${(box.left + box.right) / 2}" y="${box.bottom + 35}" text-anchor="middle">${nameX}</text>`);
    out.push(`<text transform="translate(13 ${(box.top + box.bottom) / 2}) rotate(-90)" text-anchor="middle">${nameY}</text>`);
    return out.join("");
  }

  function eventsDrawn(sample, state, width) {
    const height = Math.min(width, 320), R = sample.reach, f = frame(width, height, { low: -R, high: R }, { bottom: -R, top: R });
    const { parts, h, slope } = state, w = sample.weights[slope], most = Math.max(...w), dots = [];
    for (const i of sample.near) {
      if (Math.floor(sample.share[i] * parts) !== 0) continue;
      const size = 1.2 + 3 * Math.sqrt(w[i] / most), inside = sample.r2[i] < h * h;
      dots.push(`<circle class="${inside ? "k-in" : "k-out"}" cx="${f.x(sample.x[i]).toFixed(1)}" cy="${f.y(sample.y[i]).toFixed(1)}" r="${size.toFixed(1)}"/>`);
    }
    const circle = `<ellipse class="k-reach" cx="${f.x(0)}" cy="${f.y(0)}" rx="${f.x(h) - f.x(0)}" ry="${f.y(0) - f.y(h)}"/>`;
    return [height, dots.join("") + circle + axes(f, [-1, 0, 1], [-1, 0, 1], "ln <tspan font-style=\"italic\">m</tspan> of N, from B", "ln <tspan font-style=\"italic\">m</tspan> of Z′, from B")];
  }

  function curvesDrawn(sample, state, width, all) {
    const height = 320, most = sample.reach / WIDER, f = frame(width, height, { low: LEAST, high: most }, { bottom: 0, top: 2.5 }, true);
    const at = ([h, value]) => `${f.x(h).toFixed(1)} ${f.y(Math.min(Math.max(value, -0.2), 2.7)).toFixed(1)}`;
    const line = (values) => `M${values.map(at).join("L")}`;
    const own = all.map(([h, found]) => [h, found[0]]), count = Math.min(state.parts, CURVES);
    const others = Array.from({ length: count - 1 }, (_, s) => `<path class="k-other" d="${line(all.map(([h, found]) => [h, found[s + 1].mean]))}"/>`);
    const band = [...own.map(([h, e]) => [h, e.mean + e.error]), ...own.map(([h, e]) => [h, e.mean - e.error]).reverse()];
    const { box } = f;
    return [height, [
      `<defs><clipPath id="kernel-frame"><rect x="${box.left}" y="${box.top}" width="${box.right - box.left}" height="${box.bottom - box.top}"/></clipPath></defs><g clip-path="url(#kernel-frame)">`,
      ...others,
      `<path class="k-band" d="${line(band)}Z"/>`,
      `<path class="k-own" d="${line(own.map(([h, e]) => [h, e.mean]))}"/>`,
      `<path class="k-truth" d="M${box.left} ${f.y(1)}H${box.right}"/>`,
      `<path class="k-here" d="M${f.x(state.h)} ${box.top}V${box.bottom}"/></g>`,
      axes(f, [0.03, 0.1, 0.3], [0, 0.5, 1, 1.5, 2, 2.5], "bandwidth δ", "estimate / truth"),
    ].join("")];
  }

  // ---- the element

  class KernelExplorer {
    constructor(root, sample) {
      Object.assign(this, { root, sample, state: { h: 0.6, parts: 4, slope: "plain" } }); // where the bias is seen
      root.innerHTML = `<form class="ex-controls" autocomplete="off"><fieldset><legend>One sample of many</legend>
        <div class="ex-slider"><label for="k-h">Bandwidth δ</label><input type="range" id="k-h" min="0" max="1" step="0.01"><output for="k-h"></output></div>
        <div class="ex-slider"><label for="k-parts">Simulated events</label><input type="range" id="k-parts" min="0" max="${PARTS.length - 1}" step="1"><output for="k-parts"></output></div>
        <div class="ex-slider"><label for="k-slope">Slope of the rate</label><select id="k-slope"><option value="plain">left in</option><option value="divided">divided out</option></select><span></span></div>
        </fieldset></form>
        <dl class="ex-list"></dl><p class="ex-spoken" role="status" aria-live="polite"></p>
        <div class="k-pictures"><svg role="img" class="k-events" aria-label="Events of this sample around benchmark B; those within the bandwidth are filled."></svg><svg role="img" class="k-curves" aria-label="Estimate over truth against the bandwidth."></svg></div>`;
      [this.events, this.curves] = root.querySelectorAll("svg");
      const [h, parts, slope] = ["h", "parts", "slope"].map((name) => root.querySelector(`#k-${name}`));
      this.inputs = { h, parts, slope };
      const ratio = sample.reach / WIDER / LEAST;
      h.value = Math.log(this.state.h / LEAST) / Math.log(ratio);
      parts.value = PARTS.indexOf(this.state.parts);
      root.addEventListener("input", () => {
        root.setAttribute("aria-busy", "true"); // until it is drawn and said
        this.state = { h: LEAST * ratio ** h.value, parts: PARTS[parts.value], slope: slope.value };
        clearTimeout(this.later); // the words of the former state would end it too early
        cancelAnimationFrame(this.frame);
        this.frame = requestAnimationFrame(() => this.show());
      });
      new ResizeObserver(() => this.show()).observe(root);
    }

    show() {
      const { sample, state, inputs } = this, { h, parts, slope } = state;
      const found = sample.estimates(h, parts, slope), [own] = found;
      const events = `${Math.round(sample.simulated / parts)}`.replace(/(\d{2,})(\d{3})$/, "$1\u202f$2");
      inputs.h.setAttribute("aria-valuetext", h.toFixed(2));
      inputs.parts.setAttribute("aria-valuetext", events);
      const [outH, outParts] = this.root.querySelectorAll("output");
      [outH.textContent, outParts.textContent] = [h.toFixed(2), events];
      const [mean, deviation] = spread(found.map((e) => e.mean));
      const rows = [
        ["This sample over truth", `${own.mean.toFixed(2)} ± ${own.error.toFixed(2)}`],
        ["Its estimate of the bias", `${signed(own.bias)} ± ${own.biasError.toFixed(2)}`],
        ["Effective events", own.effective.toFixed(0)],
        parts > 1 ? [`${parts} samples: mean − 1, spread`, `${signed(mean - 1)}, ${deviation.toFixed(2)}`] : ["One sample", "nothing to compare with"],
      ];
      this.root.querySelector("dl").innerHTML = rows.map(([term, text]) => `<div><dt>${term}</dt><dd>${text}</dd></div>`).join("");
      this.draw();
      clearTimeout(this.later);
      this.later = setTimeout(() => this.say(rows, h), 400);
    }

    say(rows, h) {
      const text = `Bandwidth ${h.toFixed(2)}. ${rows.map((row) => row.join(": ")).join(". ")}.`;
      this.curves.setAttribute("aria-label", `Estimate over truth against the bandwidth, for this sample and others. ${text}`);
      this.root.querySelector(".ex-spoken").textContent = text;
      this.root.setAttribute("aria-busy", "false");
    }

    draw() {
      const { sample, state } = this, ratio = sample.reach / WIDER / LEAST;
      const all = Array.from({ length: POINTS }, (_, i) => LEAST * ratio ** (i / (POINTS - 1))).map((h) => [h, sample.estimates(h, state.parts, state.slope)]);
      const draw = (svg, make) => {
        const width = svg.clientWidth;
        if (width < 150) return;
        const [height, text] = make(width);
        svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
        svg.innerHTML = text;
      };
      draw(this.events, (width) => eventsDrawn(sample, state, width));
      draw(this.curves, (width) => curvesDrawn(sample, state, width, all));
    }
  }

  function start() {
    const place = document.querySelector('.explorer[data-kind="kernel"]'), data = document.querySelector("script.kernel-events");
    if (place && data) explorer.kernel = new KernelExplorer(place, new KernelSample(JSON.parse(data.textContent)));
  }

  Object.assign(explorer, { KernelSample });
  if (typeof document !== "undefined") start();
})((globalThis.darkExplorer ??= {}));
