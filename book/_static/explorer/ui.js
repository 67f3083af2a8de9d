// Draws an explorer into every element of class "explorer": sliders, a verdict, and a plane of what is excluded.
((explorer) => {
  "use strict";

  // Points along an axis while a slider moves, as many as fit into a frame, and when it rests for a while.
  const COARSE = [17, 25, 33, 41], ENOUGH = 25, FINE = 81, REST = 180; // times in ms
  const SYMBOLS = {
    m_N: ["m", "N"], m_Zprime: ["m", "Z′"], alpha_D: ["α", "D"], epsilon: ["ε", ""],
    V_muN_sq: ["|V", "μN", "|²"], V_N_sq: ["|V", "N", "|²"],
  };
  const WORDS = {
    m_N: "mass of N", m_Zprime: "mass of Z′", alpha_D: "dark coupling", epsilon: "kinetic mixing",
    V_muN_sq: "muon mixing", V_N_sq: "decay mixing",
  };
  const ANALYSES = {
    I: "I: pairs in argon", II: "II: pairs in FGD1", "I + II": "I and II together",
  };
  const EXPOSURES = { today: "data of today", "phase I": "4\u00a0×\u00a010²¹ protons", upgrade: "16\u00a0×\u00a010²¹ protons" };
  const SHORT = ["m_N", "m_Zprime", "V_muN_sq", "epsilon"];

  // ---- words and numbers

  const html = ([letter, sub, end = ""]) => `<i>${letter}</i><sub>${sub}</sub>${end}`;
  const plain = ([letter, sub, end = ""]) => `${letter}${sub && `_${sub}`}${end}`;
  const MIXING = html(SYMBOLS.V_muN_sq);
  const superscript = (n) => String(n).replace(/[-\d]/g, (c) => (c === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[c]));

  function number(x, digits = 3) {
    if (!Number.isFinite(x)) return x > 0 ? "∞" : "none";
    if (x === 0) return "0";
    const power = Math.floor(Math.log10(Math.abs(Number(x.toPrecision(digits)))));
    if (power >= -3 && power < 5) return String(Number(x.toPrecision(digits)));
    return `${(x / 10 ** power).toPrecision(digits)}\u00a0×\u00a010${superscript(power)}`;
  }

  // Mean and error, the error with one digit, or two if it begins below 3.55.
  function withError(mean, error) {
    if (!(error > 0)) return number(mean);
    const power = Math.floor(Math.log10(Math.max(mean, error)));
    const scale = power >= -3 && power < 5 ? 1 : 10 ** power, exponent = Math.floor(Math.log10(error / scale));
    const places = Math.max((error / scale / 10 ** exponent < 3.55 ? 1 : 0) - exponent, 0);
    const text = `${(mean / scale).toFixed(places)} ± ${(error / scale).toFixed(places)}`;
    return scale === 1 ? text : `(${text})\u00a0×\u00a010${superscript(power)}`;
  }

  function length(cm) {
    if (!Number.isFinite(cm)) return "stable";
    if (cm >= 1e5) return `${number(cm / 1e5)} km`;
    if (cm >= 100) return `${number(cm / 100)} m`;
    if (cm >= 0.1) return `${number(cm)} cm`;
    return cm >= 1e-7 ? `${number(cm * 1e4)} μm` : `${number(cm)} cm`;
  }

  const unit = (name) => explorer.data.parameters[name].unit;
  const quantity = (name, x) => `${number(x)} ${unit(name)}`.trim();

  function element(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name === "html") made.innerHTML = value;
      else if (value !== false) made.setAttribute(name, value === true ? "" : value);
    }
    made.append(...children);
    return made;
  }

  // Changes an element only if its text changes.
  function write(place, text) {
    if (place.written !== text) place.innerHTML = place.written = text;
  }

  // ---- the state, which a link holds

  function initial() {
    return {
      ...explorer.data.benchmarks.B,
      analysis: "I", exposure: "today", cl: 0.9, x: "m_N", y: "V_muN_sq", limits: true,
    };
  }

  function asHash(state) {
    const words = Object.entries(state).map(([key, value]) =>
      [key, typeof value === "number" ? Number(value.toPrecision(6)) : value].map(encodeURIComponent).join("="));
    return `#${words.join("&")}`;
  }

  // The state of a link; what it has not, or what is no value, is as before.
  function fromHash(hash, before) {
    const state = { ...before }, { parameters, searches, exposures } = explorer.data;
    for (const [key, text] of new URLSearchParams(hash.slice(1))) {
      const x = Number(text);
      if (key in parameters && x >= parameters[key].low * 0.999 && x <= parameters[key].high * 1.001) state[key] = x;
      if (key === "analysis" && text in searches) state.analysis = text;
      if (key === "exposure" && text in exposures) state.exposure = text;
      if (key === "cl" && [0.9, 0.95].includes(x)) state.cl = x;
      if ((key === "x" || key === "y") && text in parameters) state[key] = text;
      if (key === "limits") state.limits = text === "true";
    }
    return state.x === state.y ? { ...state, x: before.x, y: before.y } : state;
  }

  // ---- what is said of a point

  const isLight = (state) => state.m_Zprime < state.m_N;
  const point = (state) => Object.fromEntries(Object.keys(SYMBOLS).map((name) => [name, state[name]]));
  const percent = (cl) => `${Number((100 * cl).toPrecision(4))} %`;
  const title = (state) => (state.analysis === "I + II" ? "Analyses I and II" : `Analysis ${state.analysis}`);

  function sentence(state, found) {
    if (found.status === "no statement") {
      const which = isLight(state) ? "lighter" : "heavier";
      return `No statement: the table has no rates for a Z′ ${which} than N at these masses.`;
    }
    const future = state.exposure !== "today", with_ = `at ${percent(state.cl)} CL by ${title(state)}`;
    const what = found.status === "excluded" ? "excluded" : "not excluded";
    return future
      ? `This point would ${what === "excluded" ? "" : "not "}be excluded ${with_} with ${EXPOSURES[state.exposure]} on target.`
      : `This point is ${what} ${with_}.`;
  }

  function reach(state, found) {
    if (!(found.excess > -40)) return "Next to no events are expected here, whatever the mixing.";
    const limit = state.V_muN_sq * Math.exp(-found.excess), ratio = Math.exp(Math.abs(found.excess));
    if (limit > 1) return `The other parameters held, no ${MIXING} up to one is excluded here.`;
    const factor = ratio < 100 ? ratio.toPrecision(2) : number(ratio, 2), side = found.excess > 0 ? "below" : "above";
    const is = state.exposure === "today" ? "is" : "would be";
    return `The other parameters held, every ${MIXING} above ${number(limit)} ${is} excluded, a factor of ${factor} ${side} this point.`;
  }

  function notes(state, found) {
    const { of } = found, said = [];
    const { caveat } = explorer.data.searches[state.analysis][state.exposure];
    if (found.events > 0 && Math.abs(found.excess) < (2 * found.error) / found.events)
      said.push("The point lies within two errors of the table from the limit.");
    if (state.V_muN_sq > state.V_N_sq * (1 + 1e-9))
      said.push(`${MIXING} is above ${html(SYMBOLS.V_N_sq)}, which no mixing matrix gives.`);
    if (of.share < 0.999)
      said.push(`N decays to muons and hadrons, too: ${number(100 * of.share)} % of its decays are to e⁺e⁻.`);
    if (of.width > 0.1 * state.m_N) said.push("The width of N is above a tenth of its mass: it is no particle.");
    const { alpha } = explorer.data.constants;
    if (isLight(state) && state.alpha_D * state.V_N_sq ** 2 > 0.1 * alpha * state.epsilon ** 2)
      said.push("Decays of Z′ to neutrinos are left out, and are not rare here.");
    if (caveat) said.push(caveat);
    return said;
  }

  function summary(state, plane, excluded) {
    const share = plane.share(), [x, y] = [html(SYMBOLS[state.x]), html(SYMBOLS[state.y])];
    const ends = explorer.data.parameters[state.y];
    const words = excluded.map(([from, to]) => {
      const begins = from > ends.low * 1.0001, stops = to < ends.high / 1.0001;
      if (begins && stops) return `from ${number(from)} to ${quantity(state.y, to)}`;
      if (begins) return `above ${quantity(state.y, from)}`;
      return stops ? `below ${quantity(state.y, to)}` : "everywhere";
    });
    const here = `At <span class="ex-unbroken">${x} = ${quantity(state.x, state[state.x])}</span>`;
    const at = words.length ? `${here}, ${y} is excluded ${words.join(" and ")}.` : `${here}, no ${y} is excluded.`;
    const part = Number.isNaN(share) ? "The table has no rates in this plane." : `${number(100 * share, 2)} % of the plane is excluded.`;
    return `${y} against ${x}. ${part} ${at}`;
  }

  // ---- the drawing

  const STYLE = `
    text{font:13px system-ui,sans-serif;fill:var(--ex-ink,#222)}
    .frame,.tick{stroke:var(--ex-ink,#222);fill:none;stroke-width:1}
    .minor{stroke:var(--ex-ink,#222);stroke-width:.6}
    .excluded{fill:var(--ex-area,#0072b2);fill-opacity:.28}
    .edge{stroke:var(--ex-line,#005b8f);stroke-width:2;fill:none;stroke-linecap:round}
    .outside{fill:var(--ex-ink,#222);fill-opacity:.1}
    .limit{fill:var(--ex-ink,#222);fill-opacity:.07;stroke:var(--ex-soft,#666);stroke-width:1}
    .wanted{fill:#009e73;fill-opacity:.16;stroke:var(--ex-green,#00785a);stroke-width:1.2}
    .name{font-size:12px;fill:var(--ex-ink,#222);paint-order:stroke;stroke:var(--ex-paper,#fff);stroke-opacity:.6;stroke-width:3} .name.of-wanted{fill:var(--ex-green,#00785a)}
    .word{paint-order:stroke;stroke:var(--ex-paper,#fff);stroke-opacity:.5;stroke-width:3;font-size:15px;font-weight:600;fill:var(--ex-line,#005b8f)}
    .equal{stroke:var(--ex-soft,#666);stroke-dasharray:5 4;stroke-width:1.2}
    .point{fill:#d55e00;stroke:var(--ex-paper,#fff);stroke-width:1.5}
    .benchmark{fill:var(--ex-paper,#fff);stroke:var(--ex-ink,#222);stroke-width:1.5}`;

  function symbolAt(x, y, [letter, sub, end = ""], unitOf, more = "") {
    const in_ = unitOf ? ` [${unitOf}]` : "";
    return `<text x="${x}" y="${y}" text-anchor="middle" ${more}><tspan font-style="italic">${letter}</tspan><tspan dy="4" font-size="10">${sub}</tspan><tspan dy="${sub ? -4 : 0}">${end}${in_}</tspan></text>`;
  }

  function star(x, y, size) {
    const corners = Array.from({ length: 10 }, (_, i) => {
      const angle = (Math.PI * i) / 5, r = i % 2 ? size * 0.42 : size;
      return `${(x + r * Math.sin(angle)).toFixed(1)},${(y - r * Math.cos(angle)).toFixed(1)}`;
    });
    return corners.join(" ");
  }

  // The middle of the lowest edge of an outline.
  function lowest(outline) {
    const least = Math.min(...outline.map(([, y]) => y)), edge = outline.filter(([, y]) => y === least);
    return [[Math.sqrt(Math.min(...edge.map(([x]) => x)) * Math.max(...edge.map(([x]) => x))), least]];
  }

  class Drawing {
    constructor(width) {
      this.width = width;
      this.height = Math.round(Math.min(Math.max(0.74 * width, 300), 540));
      this.margin = { left: 62, right: 14, top: 12, bottom: 48 };
    }

    // Pixels of values, by axis.
    scale(axes) {
      const { left, right, top, bottom } = this.margin;
      const to = [[left, this.width - right], [this.height - bottom, top]];
      return axes.map(({ low, high }, d) => (value) =>
        to[d][0] + ((to[d][1] - to[d][0]) * Math.log(value / low)) / Math.log(high / low));
    }

    svg(state, plane) {
      const { width, height, margin } = this, [sx, sy] = this.scale(plane.axes);
      const inner = `x="${margin.left}" y="${margin.top}" width="${width - margin.left - margin.right}" height="${height - margin.top - margin.bottom}"`;
      const published = state.limits ? explorer.data.limits.filter(({ plane: [x, y], mediator }) =>
        x === state.x && y === state.y && mediator === (isLight(state) ? "light" : "heavy")) : [];
      const layers = [
        `<defs><clipPath id="explorer-frame"><rect ${inner}/></clipPath></defs>`,
        `<g clip-path="url(#explorer-frame)">`,
        ...published.map((one) => this.limits(one, sx, sy)),
        ...this.regions(plane),
        ...published.map((one) => this.names(one, sx, sy, this.taken(state, plane, sx, sy))),
        this.word(plane),
        this.equalMasses(state, plane.axes, sx, sy),
        this.markers(state, plane.axes, sx, sy),
        "</g>",
        `<rect class="frame" ${inner}/>`,
        this.ticks(plane.axes, sx, sy),
        symbolAt(margin.left + (width - margin.left - margin.right) / 2, height - 10, SYMBOLS[state.x], unit(state.x)),
        symbolAt(0, 0, SYMBOLS[state.y], unit(state.y), `transform="translate(15 ${(height - margin.bottom) / 2}) rotate(-90)"`),
      ];
      return layers.join("");
    }

    // Pixels of a point of the grid.
    at(plane, [i, j]) {
      const { left, right, top, bottom } = this.margin, n = plane.n - 1;
      return [left + (i / n) * (this.width - left - right), this.height - bottom - (j / n) * (this.height - top - bottom)];
    }

    regions(plane) {
      const at = (corner) => this.at(plane, corner).map((x) => x.toFixed(1)).join(" ");
      const path = (polygons, end) => polygons.map((p) => `M${p.map(at).join("L")}${end}`).join("");
      const { areas, lines, outside } = plane.shapes();
      return [
        outside.length ? `<path class="outside" d="${path(outside, "Z")}"/>` : "",
        `<path class="excluded" d="${path(areas, "Z")}"/>`,
        `<path class="edge" d="${path(lines, "")}"/>`,
      ];
    }

    // Where "excluded" is written: in the middle of the area, if it is large enough.
    wordAt(plane) {
      const middle = plane.middle(), { left, right } = this.margin, half = 40;
      if (!middle || middle.depth <= 0.04 * plane.n) return null;
      const [x, y] = this.at(plane, middle.at);
      return [Math.min(Math.max(x, left + half), this.width - right - half), y + 5, half];
    }

    word(plane) {
      const at = this.wordAt(plane);
      return at ? `<text class="word" text-anchor="middle" x="${at[0]}" y="${at[1]}">excluded</text>` : "";
    }

    // Places that are written on: middle and half width of each.
    taken(state, plane, sx, sy) {
      const points = [...Object.values(explorer.data.benchmarks), state];
      return [this.wordAt(plane), ...points.map((from) => [sx(from[state.x]), sy(from[state.y]) - 3, 18])].filter(Boolean);
    }

    limits(own, sx, sy) {
      const far = (y) => Math.min(Math.max(y, -1e4), 1e4).toFixed(1);
      const path = (outline) => `M${outline.map(([x, y]) => `${sx(x).toFixed(1)} ${far(sy(y))}`).join("L")}Z`;
      const excluded = own.excluded.map(({ outline }) => `<path class="limit" d="${path(outline)}"/>`);
      const wanted = own.wanted.map(({ outline }) => `<path class="wanted" d="${path(outline)}"/>`);
      return [...excluded, ...wanted].join("");
    }

    // Each name once, just inside its area, where no other stands.
    names({ excluded, wanted }, sx, sy, taken) {
      const { left, right, top, bottom } = this.margin;
      const place = (name, outline, kind) => {
        const half = 3.3 * name.length + 4;
        for (const [x, y] of outline) {
          const [a, b] = [sx(x), sy(y) - 6];
          const inside = a - half > left && a + half < this.width - right && b > top + 12 && b < this.height - bottom - 4;
          if (!inside || taken.some(([c, d, e]) => Math.abs(a - c) < half + e && Math.abs(b - d) < 15)) continue;
          taken.push([a, b, half]);
          return `<text class="name${kind}" text-anchor="middle" x="${a.toFixed(1)}" y="${b.toFixed(1)}">${name}</text>`;
        }
        return "";
      };
      const seen = new Set(), found = [];
      for (const [list, kind] of [[wanted, " of-wanted"], [excluded, ""]])
        for (const { name, outline } of list) {
          if (seen.has(name)) continue;
          // From the middle of its lower edge outwards.
          const lower = kind ? lowest(outline) : outline.slice(0, outline.length / 2);
          const order = lower.map((p, i) => [Math.abs(i - lower.length / 2), p]).sort((a, b) => a[0] - b[0]);
          const text = place(name, order.map(([, p]) => p), kind);
          if (text) (seen.add(name), found.push(text));
        }
      return found.join("");
    }

    equalMasses(state, axes, sx, sy) {
      const values = { m_N: state.m_N, m_Zprime: state.m_Zprime };
      const other = { m_N: values.m_Zprime, m_Zprime: values.m_N };
      const { top, bottom, left, right } = this.margin;
      if (other[state.x] && other[state.y]) {
        const low = Math.max(axes[0].low, axes[1].low), high = Math.min(axes[0].high, axes[1].high);
        return `<path class="equal" d="M${sx(low)} ${sy(low)}L${sx(high)} ${sy(high)}"/>`;
      }
      if (other[state.x]) return `<path class="equal" d="M${sx(other[state.x])} ${top}V${this.height - bottom}"/>`;
      return other[state.y] ? `<path class="equal" d="M${left} ${sy(other[state.y])}H${this.width - right}"/>` : "";
    }

    markers(state, axes, sx, sy) {
      const at = (from) => [sx(from[state.x]), sy(from[state.y])];
      const benchmarks = Object.entries(explorer.data.benchmarks).map(([name, values]) => {
        const [x, y] = at(values);
        return `<circle class="benchmark" cx="${x}" cy="${y}" r="5"/><text x="${x + 9}" y="${y - 7}">${name}</text>`;
      });
      return `${benchmarks.join("")}<polygon class="point" points="${star(...at(state), 10)}"/>`;
    }

    ticks(axes, sx, sy) {
      const { top, bottom, left, right } = this.margin, low = this.height - bottom, out = [];
      axes.forEach(({ low: from, high: to }, d) => {
        const decades = Math.log10(to / from), room = d ? low - top : this.width - left - right;
        const every = Math.ceil((decades * (d ? 26 : 52)) / room), minor = every === 1;
        for (let p = Math.floor(Math.log10(from)); p <= Math.ceil(Math.log10(to)); p++) {
          for (const m of minor ? [1, 2, 3, 4, 5, 6, 7, 8, 9] : [1]) {
            const value = m * 10 ** p;
            if (value < from * 0.999 || value > to * 1.001) continue;
            const at = (d ? sy(value) : sx(value)).toFixed(1), size = m === 1 ? 7 : 4, kind = m === 1 ? "tick" : "minor";
            out.push(d ? `<path class="${kind}" d="M${left} ${at}h${size}"/>` : `<path class="${kind}" d="M${at} ${low}v${-size}"/>`);
            if (m !== 1 || (p % every)) continue;
            const text = p >= -3 && p <= 2 && decades < 5 ? String(Number(value.toPrecision(1))) : `10${superscript(p)}`;
            out.push(d
              ? `<text x="${left - 6}" y="${Number(at) + 4}" text-anchor="end">${text}</text>`
              : `<text x="${at}" y="${low + 17}" text-anchor="middle">${text}</text>`);
          }
        }
      });
      return out.join("");
    }
  }

  // ---- the element

  class Explorer {
    constructor(root, model) {
      const short = root.dataset.kind === "short";
      Object.assign(this, { root, model, short, names: short ? SHORT : Object.keys(SYMBOLS), searches: {}, fit: 1 });
      this.state = short ? initial() : fromHash(location.hash, initial());
      this.kept = { heavy: explorer.data.benchmarks.B, light: explorer.data.benchmarks.A };
      root.replaceChildren(element("div", { class: "ex-body" }, this.controls(), this.results()));
      this.show();
      if (short) return;
      root.closest(".bd-article-container")?.classList.add("ex-wide");
      // The same plane in another width: a frame may come late, when the finer grid is drawn already.
      new ResizeObserver(() => this.figure.clientWidth !== this.drawing?.width && this.draw(this.drawn)).observe(this.figure);
      addEventListener("hashchange", () => {
        this.state = fromHash(location.hash, this.state);
        this.show();
      });
    }

    get search() {
      const { analysis, exposure } = this.state;
      return (this.searches[analysis + exposure] ??= new explorer.Search(explorer.data.searches[analysis][exposure]));
    }

    axis(name) {
      const { low, high } = explorer.data.parameters[name];
      return { name, low, high };
    }

    // Changes the state, and shows it with the next frame; what was to follow the former state is given up.
    set(changes) {
      this.root.setAttribute("aria-busy", "true");
      clearTimeout(this.later);
      this.later = null;
      Object.assign(this.state, changes);
      cancelAnimationFrame(this.frame);
      this.frame = requestAnimationFrame(() => this.show());
    }

    // -- controls

    controls() {
      const sliders = element("fieldset", { class: "ex-sliders" }, element("legend", {}, this.short ? "Is my point excluded?" : "A point of the model"));
      this.inputs = {};
      for (const name of this.names) sliders.append(this.slider(name));
      const lists = this.short ? [] : [this.lists()];
      return element("form", { class: "ex-controls", autocomplete: "off" }, this.presets(), sliders, ...lists);
    }

    presets() {
      const box = element("div", { class: "ex-presets" });
      for (const [name, values] of Object.entries(explorer.data.benchmarks)) {
        const there = this.model.table.grids[values.m_Zprime < values.m_N ? "light" : "heavy"];
        const text = `Benchmark ${name}: ${values.m_Zprime < values.m_N ? "light" : "heavy"} Z′`;
        const button = element("button", { type: "button", disabled: !there, title: there ? false : "not in this table" }, text);
        button.addEventListener("click", () => this.set({ ...values }));
        box.append(button);
      }
      return box;
    }

    slider(name) {
      const { low, high } = explorer.data.parameters[name], id = `ex-${name}`;
      const range = element("input", { type: "range", id, min: 0, max: 1, step: 0.002, "data-name": name });
      const text = element("input", { type: "text", inputmode: "decimal", id: `${id}-number`, "data-name": name,
        "aria-label": `${WORDS[name]}, ${plain(SYMBOLS[name])}${unit(name) && ` in ${unit(name)}`}, as a number`, "aria-describedby": `${id}-error` });
      const error = element("span", { class: "ex-error", id: `${id}-error`, role: "alert" });
      range.addEventListener("input", () => {
        const value = low * (high / low) ** Number(range.value);
        this.set({ [name]: Number(value.toPrecision(3)) });
      });
      text.addEventListener("change", () => {
        const value = Number(text.value.replace(",", "."));
        const fits = text.value.trim() !== "" && value >= low && value <= high;
        text.setAttribute("aria-invalid", String(!fits));
        error.textContent = fits ? "" : `must lie between ${number(low)} and ${quantity(name, high)}`;
        if (fits) this.set({ [name]: value });
      });
      this.inputs[name] = { range, text, error, low, high };
      const label = element("label", { for: id, html: `${html(SYMBOLS[name])} <span class="ex-word">${WORDS[name]}</span>` });
      const entry = element("span", { class: "ex-number" }, text, element("span", { class: "ex-unit" }, unit(name)));
      return element("div", { class: "ex-slider" }, label, range, entry, error);
    }

    select(key, text, options) {
      const id = `ex-${key}`, list = element("select", { id });
      for (const [value, words, disabled] of options) list.append(element("option", { value, disabled: !!disabled }, words));
      this.lists_[key] = list;
      return element("div", { class: "ex-select" }, element("label", { for: id }, text), list);
    }

    lists() {
      this.lists_ = {};
      const { grids } = this.model.table, axes = Object.keys(SYMBOLS).map((name) => [name, `${plain(SYMBOLS[name])}, ${WORDS[name]}`]);
      const box = element("fieldset", { class: "ex-lists" }, element("legend", {}, "The question"),
        this.select("regime", "Dark photon", [["heavy", "heavier than N", !grids.heavy], ["light", "lighter than N", !grids.light]]),
        this.select("analysis", "Analysis", Object.entries(ANALYSES)),
        this.select("exposure", "Exposure", Object.entries(EXPOSURES)),
        this.select("cl", "Confidence level", [[0.9, "90 %"], [0.95, "95 %"]]),
        this.select("x", "Along", axes),
        this.select("y", "Upwards", axes));
      const limits = element("input", { type: "checkbox", id: "ex-limits" });
      this.lists_.limits = limits;
      box.append(element("div", { class: "ex-select ex-check" }, limits, element("label", { for: "ex-limits" }, "Published limits")));
      box.addEventListener("change", ({ target }) => this.choose(target.id.slice(3), target));
      return box;
    }

    choose(key, { value, checked }) {
      if (key === "limits") return this.set({ limits: checked });
      if (key === "regime") return this.set({ ...this.kept[value] });
      if (key === "cl") return this.set({ cl: Number(value) });
      const { x, y } = this.state; // the same for both: they change places
      if (key === "x" && value === y) return this.set({ x: y, y: x });
      if (key === "y" && value === x) return this.set({ x: y, y: x });
      return this.set({ [key]: value });
    }

    // -- results

    results() {
      this.verdict = element("p", { class: "ex-verdict" });
      this.spoken = element("p", { class: "ex-spoken", "aria-live": "polite", role: "status" });
      this.detail = element("p", { class: "ex-detail" });
      const box = element("div", { class: "ex-results" }, this.verdict, this.detail, this.spoken);
      if (this.short) {
        this.link = element("a", { class: "ex-link" }, "All six parameters, both analyses, and planes of what is excluded");
        box.append(element("p", {}, this.link));
        return box;
      }
      this.list = element("dl", { class: "ex-list" });
      this.notes = element("ul", { class: "ex-notes" });
      this.figure = element("figure", { class: "ex-plane" });
      this.svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
      this.svg.innerHTML = `<style>${STYLE}</style><g></g>`; // the style once: a new one is costly for the whole page
      this.layer = this.svg.lastChild;
      this.svg.setAttribute("role", "img");
      this.svg.setAttribute("aria-labelledby", "ex-summary");
      this.svg.addEventListener("click", (event) => this.pick(event));
      this.summary = element("figcaption", { id: "ex-summary" }, "What is excluded is being computed.");
      this.figure.append(this.svg, this.summary);
      this.link = element("a", { class: "ex-link" }, "Link to this state");
      const save = (text, action) => {
        const button = element("button", { type: "button" }, text);
        button.addEventListener("click", action);
        return button;
      };
      const buttons = element("div", { class: "ex-save" }, this.link,
        save("Plane as CSV", () => this.saveTable()), save("Drawing as PNG", () => this.savePicture()));
      box.append(this.list, this.figure, buttons, this.notes);
      return box;
    }

    // Shows all of the state: at once, on a coarse grid, and on a finer one when nothing has changed for a while. Until
    // then the element is busy.
    show() {
      const { state } = this;
      this.root.setAttribute("aria-busy", "true");
      for (const [name, { range, text, error, low, high }] of Object.entries(this.inputs)) {
        range.value = Math.log(state[name] / low) / Math.log(high / low);
        range.setAttribute("aria-valuetext", quantity(name, state[name]));
        if (document.activeElement !== text || !error.textContent) {
          text.value = Number(state[name].toPrecision(4));
          text.setAttribute("aria-invalid", "false");
          error.textContent = "";
        }
      }
      const found = this.model.verdict(point(state), this.search, state.cl);
      this.showVerdict(found);
      if (!this.short) {
        if (found.status !== "no statement") this.kept[isLight(state) ? "light" : "heavy"] = point(state);
        this.showLists();
        this.draw();
      }
      clearTimeout(this.later);
      this.later = setTimeout(() => this.rest(), REST);
    }

    showLists() {
      for (const [key, list] of Object.entries(this.lists_)) {
        if (key === "limits") list.checked = this.state.limits;
        else list.value = key === "regime" ? (isLight(this.state) ? "light" : "heavy") : String(this.state[key]);
      }
    }

    showVerdict(found) {
      const { state } = this, known = found.status !== "no statement";
      if (this.root.dataset.status !== found.status) this.root.dataset.status = found.status;
      write(this.verdict, sentence(state, found));
      const events = known ? `${withError(found.events, found.error)} events are expected. ` : "";
      write(this.detail, known ? `${this.short ? events : ""}${reach(state, found)}` : "");
      if (this.short) return (this.link.href = this.root.dataset.page + asHash(state));
      const rows = [
        ["Expected events", known ? withError(found.events, found.error) : "not in the table"],
        ["−Δ ln <i>L</i>", known ? `${number(found.distance)}, excluded above ${explorer.threshold(state.cl).toFixed(3)}` : "not in the table"],
        ["Proper decay length of N", length(found.of.ctau)],
      ];
      if (isLight(state)) rows.push(["Proper decay length of Z′", length(found.of.flight)]);
      write(this.list, rows.map(([term, text]) => `<div><dt>${term}</dt><dd>${text}</dd></div>`).join(""));
      return write(this.notes, notes(state, found).map((text) => `<li>${text}</li>`).join(""));
    }

    plane(n) {
      const { state } = this;
      return new explorer.Plane(this.model, this.search, point(state), [this.axis(state.x), this.axis(state.y)], state.cl, n);
    }

    // A plane that is quick enough for a slider that moves.
    quickPlane() {
      const begin = performance.now(), plane = this.plane(COARSE[this.fit]).computed();
      const fits = COARSE.findLastIndex((n) => (performance.now() - begin) * (n / plane.n) ** 2 < ENOUGH);
      this.fit = Math.max(fits, 0);
      return plane;
    }

    draw(plane = this.quickPlane()) {
      const width = this.figure.clientWidth;
      this.drawn = plane;
      if (width < 200) return; // not yet laid out
      const drawing = (this.drawing = new Drawing(width));
      this.svg.setAttribute("viewBox", `0 0 ${width} ${drawing.height}`);
      this.svg.dataset.points = plane.n;
      this.layer.innerHTML = drawing.svg(this.state, plane);
    }

    // When a slider rests: a finer grid, in portions; words for those who listen; the link.
    async rest() {
      this.spoken.textContent = `${this.verdict.textContent} ${this.detail.textContent}`;
      if (this.short) return this.root.setAttribute("aria-busy", "false");
      const { state } = this, fine = this.plane(FINE), now = this.later;
      const excluded = explorer.ranges(this.model, this.search, point(state), this.axis(state.y), state.cl);
      this.link.href = asHash(state);
      if (location.hash !== asHash(state) && (location.hash.includes("=") || this.touched))
        history.replaceState(null, "", asHash(state));
      this.touched = true;
      let until = performance.now() + 12;
      for (const _ of fine.rows()) {
        if (performance.now() < until) continue;
        await new Promise((resolve) => setTimeout(resolve));
        if (this.later !== now) return;
        until = performance.now() + 12;
      }
      this.draw(fine);
      this.summary.innerHTML = summary(state, fine, excluded);
      this.root.setAttribute("aria-busy", "false");
    }

    // A click on the plane takes its point.
    pick(event) {
      const box = this.svg.getBoundingClientRect(), { margin, width, height } = this.drawing;
      const f = [
        (event.clientX - box.left - margin.left) / (width - margin.left - margin.right),
        (height - margin.bottom - (event.clientY - box.top)) / (height - margin.top - margin.bottom),
      ];
      if (f.some((x) => x < 0 || x > 1)) return;
      const changes = this.drawn.axes.map(({ name, low, high }, d) => [name, Number((low * (high / low) ** f[d]).toPrecision(3))]);
      this.set(Object.fromEntries(changes));
    }

    // -- files

    saveTable() {
      const { state, drawn: plane } = this, { n } = plane;
      const lines = [
        `# ${title(state)}, ${EXPOSURES[state.exposure]}, ${percent(state.cl)} CL; ${Object.keys(SYMBOLS).map((name) => `${name} = ${state[name]}`).join(", ")}`,
        `# masses in GeV; excluded where minus_delta_log_likelihood > ${plane.threshold.toFixed(4)}`,
        `${state.x},${state.y},expected_events,minus_delta_log_likelihood,excluded`,
      ];
      for (let i = 0; i < n; i++)
        for (let j = 0; j < n; j++) {
          const signal = plane.signals[i * n + j], [x, y] = [plane.values[0][i], plane.values[1][j]];
          const numbers = signal ? [signal.reduce((a, b) => a + b, 0), plane.distance[i * n + j]] : ["", ""];
          const words = [x, y, ...numbers].map((v) => (v === "" ? "" : v.toPrecision(6)));
          lines.push([...words, signal ? Number(plane.excluded(i * n + j)) : ""].join(","));
        }
      download(new Blob([`${lines.join("\n")}\n`], { type: "text/csv" }), "plane.csv");
    }

    async savePicture() {
      const { width, height } = this.drawing, scale = 2;
      const text = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${this.svg.innerHTML}</svg>`;
      const picture = new Image(), canvas = element("canvas", { width: scale * width, height: scale * height });
      picture.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
      await picture.decode();
      const context = canvas.getContext("2d");
      context.fillStyle = "white";
      context.fillRect(0, 0, canvas.width, canvas.height);
      context.drawImage(picture, 0, 0, canvas.width, canvas.height);
      canvas.toBlob((blob) => download(blob, "plane.png"));
    }
  }

  function download(blob, name) {
    const link = element("a", { href: URL.createObjectURL(blob), download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1e4);
  }

  async function start() {
    const places = document.querySelectorAll(".explorer[data-kind]");
    if (!places.length) return;
    const table = await explorer.Table.decode(explorer.parts);
    const model = new explorer.Model(table, new explorer.Physics(explorer.data.constants));
    explorer.shown = [...places].map((place) => new Explorer(place, model));
  }

  Object.assign(explorer, { asHash, fromHash, initial, number, withError });
  if (typeof document !== "undefined") start();
})((globalThis.darkExplorer ??= {}));
