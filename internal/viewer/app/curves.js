// Dose–volume histograms and profiles.

// An axis below a plot, close to it.
const lowAxis = (isDark, label) => ({...plotAxis(isDark, label), size: 30, labelSize: 20});

let histograms = null, comparedHistograms = null, dvhPlot = null;
const loadHistograms = async () => {
  histograms = comparedHistograms = null;
  if (!state.dose || !state.case.structures.length) { byId("dvh").replaceChildren(make("p", {className: "note", textContent: "needs a dose and structures"})); return; }
  histograms = await askJSON("dvh?dose=" + state.doseAt);
  if (state.comparedAt >= 0) comparedHistograms = await askJSON("dvh?dose=" + state.comparedAt);
  drawHistograms();
};
const shownStructures = () => histograms.structures.map((s, i) => i).filter(i => histograms.structures[i].volume && !state.hidden.has(i));
const drawHistograms = () => {
  const place = byId("dvh");
  if (!histograms) return;
  if (dvhPlot) dvhPlot.destroy();
  place.replaceChildren();
  const shown = shownStructures(), d = histograms.dose;
  const line = (i, other) => {
    const s = state.case.structures[i];
    return {label: s.name, stroke: dark.matches ? s.dark : s.light, width: other ? 1 : 2, alpha: other ? 0.75 : 1, dash: other ? [2, 3] : s.dash, points: {show: false}};
  };
  const at = (curve, from, gy) => { // linear on the other dose's points
    const x = gy / from[from.length - 1] * (from.length - 1), n = Math.floor(x);
    return n >= from.length - 1 ? (x > from.length - 1 ? 0 : curve[n]) : curve[n] + (curve[n + 1] - curve[n]) * (x - n);
  };
  const series = [{label: "Dose"}, ...shown.map(i => line(i, false))], data = [d, ...shown.map(i => histograms.structures[i].volume)];
  if (comparedHistograms) {
    for (const i of shown) {
      const c = comparedHistograms.structures[i].volume;
      if (!c) continue;
      series.push(line(i, true));
      data.push(d.map(gy => at(c, comparedHistograms.dose, gy)));
    }
  }
  dvhPlot = new uPlot({
    width: place.clientWidth, height: 230, padding: [8, 12, 0, 0], legend: {show: false},
    cursor: {drag: {x: true, y: false}, points: {size: 6}},
    scales: {x: {time: false}, y: {range: [0, 102]}},
    axes: [lowAxis(dark.matches, "Dose (Gy)"), {...plotAxis(dark.matches, "Volume (%)"), size: 48, splits: () => [0, 20, 40, 60, 80, 100]}],
    series, hooks: {setCursor: [u => atCursor(u.cursor.idx)]},
  }, data, place);
  drawFigures(shown);
};
const drawFigures = shown => {
  const head = make("tr", {}, ...["Structure", "D98", "D95", "D50", "D2", "mean", "max", "V"].map((t, n) => make("th", {scope: "col"}, t, make("small", {textContent: n === 0 ? "cm³" : n === 7 ? "%" : "Gy"}))));
  const row = (i, set, other) => {
    const s = set.structures[i], style = state.case.structures[i];
    const name = make("th", {scope: "row"}, swatch(style, other), s.name + " ", make("small", {textContent: other ? "compared" : number(s.cm3, 1)}));
    const cells = s.figures ? s.figures.map(v => make("td", {textContent: number(v, 2)})) : [make("td", {colSpan: 6, textContent: s.problem})];
    const last = make("td", {className: "cursor"});
    last.dataset.at = i; last.dataset.other = other ? 1 : "";
    return make("tr", {}, name, ...cells, last);
  };
  const rows = shown.flatMap(i => comparedHistograms ? [row(i, histograms, false), row(i, comparedHistograms, true)] : [row(i, histograms, false)]);
  byId("figures").replaceChildren(make("thead", {}, head), make("tbody", {}, ...rows));
};
const atCursor = idx => {
  for (const cell of document.querySelectorAll("#figures .cursor")) {
    const set = cell.dataset.other ? comparedHistograms : histograms, curve = set.structures[+cell.dataset.at].volume;
    cell.textContent = idx == null || cell.dataset.other || !curve ? "" : number(curve[idx], 1);
  }
};
const swatch = (style, other) => {
  const ns = "http://www.w3.org/2000/svg", svg = document.createElementNS(ns, "svg"), line = document.createElementNS(ns, "line");
  svg.setAttribute("class", "swatch"); svg.setAttribute("viewBox", "0 0 22 8"); svg.setAttribute("aria-hidden", "true");
  for (const [k, v] of Object.entries({x1: 0, y1: 4, x2: 22, y2: 4, stroke: dark.matches ? style.dark : style.light, "stroke-width": other ? 1.5 : 3,
    "stroke-dasharray": (other ? [2, 3] : style.dash).join(" ")})) line.setAttribute(k, v);
  svg.append(line);
  return svg;
};

let profilePlot = null;
const drawProfile = async () => {
  if (!state.profile) return;
  const [p, q] = state.profile, place = byId("profile-chart");
  if (p.every((v, a) => v === q[a])) return;
  const got = await askJSON(`profile?from=${p.map(v => v.toFixed(3))}&to=${q.map(v => v.toFixed(3))}`);
  if (place.offsetParent === null) return; // drawn when its tab is shown
  if (profilePlot) profilePlot.destroy();
  place.replaceChildren();
  const isDark = dark.matches, ink = isDark ? "#e4e9ef" : "#18212b";
  const series = [{label: "Distance", value: (u, v) => figure(v, 1, "mm")}], data = [got.distance];
  if (state.dose) {
    series.push({label: "shown", stroke: isDark ? "#56b4e9" : "#0072b2", width: 2, points: {show: false}, value: (u, v) => figure(v, 2, "Gy")});
    data.push(got.doses[state.doseAt]);
    if (state.comparedAt >= 0) {
      series.push({label: "compared", stroke: "#d55e00", width: 2, dash: [6, 3], points: {show: false}, value: (u, v) => figure(v, 2, "Gy")});
      data.push(got.doses[state.comparedAt]);
    }
  }
  series.push({label: "CT", scale: "hu", stroke: ink, alpha: 0.6, width: 1, dash: [2, 3], points: {show: false}, value: (u, v) => figure(v, 0, "HU")});
  data.push(got.hu);
  profilePlot = new uPlot({
    width: place.clientWidth, height: 250, padding: [8, 4, 0, 0], cursor: {drag: {x: true, y: false}, points: {size: 6}},
    scales: {x: {time: false}, y: {range: (u, low, high) => [Math.min(0, low || 0), 1.05 * (high || 1)]}},
    axes: [lowAxis(isDark, "Distance from the first point (mm)"), {...plotAxis(isDark, "Dose (Gy)"), size: 48},
      {...plotAxis(isDark, "CT number (HU)"), scale: "hu", side: 1, size: 56, values: (u, at) => at.map(v => number(v, 0)), grid: {show: false}}],
    series,
  }, data, place);
  const say = v => `(${v.map(x => number(x, 1)).join(", ")})`;
  byId("profile-note").textContent = `from ${say(p)} ● to ${say(q)} ○ mm: ${number(got.distance[got.distance.length - 1], 1)} mm`;
  byId("profile").dataset.points = got.distance.length;
};
// A profile along one axis through the cross-hair, as far as the dose goes.
const profileAlong = axis => {
  const v = state.dose || state.ct, ends = [0, v.size[axis] - 1].map(i => v.origin[axis] + i * v.spacing[axis]);
  state.profile = ends.map(mm => state.at.map((x, a) => a === axis ? mm : x));
  drawLines();
  return drawProfile();
};
