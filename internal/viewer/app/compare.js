// Two doses: their difference and gamma.
const sayCompared = () => {
  const two = state.comparedAt >= 0, d = state.case.doses;
  byId("compare-what").textContent = two
    ? `Reference: ${d[state.doseAt].label} (shown). Evaluated: ${d[state.comparedAt].label} (compared).`
    : d.length > 1 ? "Choose a dose to compare with, on the left." : "There is one dose. Name another with --compare FILE to compare the two.";
  byId("criteria").hidden = !two;
  for (const r of document.querySelectorAll("[name=overlay]")) {
    r.disabled = r.value === "dose" ? !d.length : r.value === "difference" ? !two : r.value === "gamma" ? !state.gamma : false;
  }
  byId("verdict").textContent = "";
  byId("gamma-chart").replaceChildren();
};
const setOverlay = name => {
  state.overlay = name;
  document.querySelector(`[name=overlay][value=${name}]`).checked = true;
  return showOverlay();
};
const computeGamma = async () => {
  const f = new FormData(byId("criteria")), verdict = byId("verdict");
  const query = new URLSearchParams({reference: state.doseAt, evaluated: state.comparedAt, percent: f.get("percent"), distance: f.get("distance"), cutoff: f.get("cutoff"), local: f.get("local") ? 1 : 0});
  verdict.textContent = "computing …";
  let r;
  try {
    r = await askJSON("gamma?" + query);
    state.gamma = await Volume.fetch("gamma.nii?" + query);
  } catch (error) {
    verdict.textContent = error.message;
    return;
  }
  sayCompared();
  verdict.textContent = `γ ≤ 1 at ${number(r.pass_rate, 2)} % of ${r.points} points (${number(r.dose_percent, 1)} % / ${number(r.distance_mm, 1)} mm ${r.local ? "local" : "global"}, 100 % = ${number(r.normalisation_gy, 2)} Gy, ` +
    `above ${number(r.cutoff_percent, 0)} %). Mean ${number(r.mean, 3)}, maximum ${number(r.max, 2)}` + (r.max >= r.max_gamma ? " or more" : "") +
    (r.no_data ? `. ${r.no_data} points without evaluated dose near them are not counted` : "") + (r.unproven ? `. ${r.unproven} points are upper bounds` : "") + ".";
  verdict.dataset.rate = r.pass_rate;
  drawGammaHistogram(r.max_gamma);
  await setOverlay("gamma");
  drawLines();
};
let gammaPlot = null;
const drawGammaHistogram = top => {
  const place = byId("gamma-chart"), bins = 40, count = new Array(bins).fill(0);
  let n = 0;
  for (const g of state.gamma.data) if (!Number.isNaN(g)) { n++; count[Math.min(bins - 1, Math.floor(g / top * bins))]++; }
  if (gammaPlot) gammaPlot.destroy();
  place.replaceChildren();
  if (place.offsetParent === null) return;
  const x = count.map((_, i) => (i + 0.5) * top / bins), y = count.map(v => 100 * v / n);
  const color = i => x[i] > 1 ? "#d55e00" : dark.matches ? "#56b4e9" : "#0072b2";
  gammaPlot = new uPlot({
    width: place.clientWidth, height: 170, padding: [8, 12, 0, 0], legend: {show: false}, scales: {x: {time: false, range: [0, top]}, y: {range: (u, a, b) => [0, b * 1.05]}},
    axes: [lowAxis(dark.matches, "γ"), {...plotAxis(dark.matches, "Points (%)"), size: 48}],
    series: [{}, {paths: uPlot.paths.bars({size: [0.95], disp: {fill: {unit: 3, values: () => x.map((_, i) => color(i))}, stroke: {unit: 3, values: () => x.map((_, i) => color(i))}}}), points: {show: false}, fill: "#56b4e9"}],
  }, [x, y], place);
};
