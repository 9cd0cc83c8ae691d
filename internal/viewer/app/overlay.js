// What lies over the CT: dose, difference of two doses, or gamma, each with a
// colour map of its own and a scale beside it. NiiVue shows an overlay as
// opaque as the slider says where a colour's alpha is not zero, else not at all.

const ramp = (name, colors) => nv.addColormap(name, {
  R: colors.map(c => c[0]), G: colors.map(c => c[1]), B: colors.map(c => c[2]), A: colors.map(c => c[3]), I: colors.map((c, i) => Math.round(255 * i / (colors.length - 1))),
});
const blend = (a, b, t) => a.map((v, i) => v * (1 - t) + b[i] * t);
const steps = f => Array.from({length: 256}, (_, i) => f(i / 255).map(Math.round));

// Blue below, orange above, clear in the middle.
const differenceColor = t => {
  const s = 2 * t - 1, end = s < 0 ? [86, 180, 233] : [213, 94, 0], near = s < 0 ? [200, 230, 247] : [250, 214, 165];
  return [...blend(near, end, Math.abs(s)), Math.abs(s) < 0.04 ? 0 : 255];
};
// Blue to γ = 1, paler the better, then yellow to vermilion.
const gammaColor = t => {
  const g = 2 * t;
  return g <= 1 ? [...blend([225, 240, 250], [0, 114, 178], g), g > 0 ? 255 : 0] : [...blend([240, 228, 66], [213, 94, 0], Math.min(1, (g - 1) / 0.8)), 255];
};
const differenceTop = () => {
  const a = state.case.doses[state.doseAt].reference;
  return Math.max(0.05 * a, 1e-3);
};

// overlay is the picture of what is chosen: volume, colours, range and scale.
const overlayOf = () => {
  const dose = state.case.doses[state.doseAt];
  if (state.overlay === "dose" && state.dose && dose.wash.length) {
    return {volume: state.dose.shown(v => v > 0 ? v : 0), low: 0, high: dose.top, colors: dose.wash,
      scale: [0, dose.top, "Gy", dose.levels.map(l => l.gy)]};
  }
  if (state.overlay === "difference" && state.difference) {
    const top = differenceTop();
    return {volume: state.difference.shown(v => Number.isNaN(v) ? 0 : Math.min(Math.max(v, -0.999 * top), top)), low: -top, high: top,
      colors: steps(differenceColor), scale: [-top, top, "Gy, compared − shown", [-top, 0, top]]};
  }
  if (state.overlay === "gamma" && state.gamma) {
    return {volume: state.gamma.shown(v => Number.isNaN(v) ? -1 : v), low: 0, high: 2, colors: steps(gammaColor), scale: [0, 2, "γ", [0, 0.5, 1, 1.5, 2]]};
  }
  return null;
};

let changing = Promise.resolve();
const showOverlay = () => { changing = changing.then(changeOverlay).catch(failed); return changing; };
const changeOverlay = async () => {
  if (state.overlay === "difference" && state.comparedAt >= 0 && !state.difference) {
    state.difference = await Volume.fetch(`difference.nii?reference=${state.doseAt}&evaluated=${state.comparedAt}`);
  }
  const o = overlayOf();
  while (nv.volumes.length > 1) nv.removeVolume(nv.volumes[1]);
  if (o) {
    ramp("overlay", o.colors);
    nv.addVolume(await niivue.NVImage.new(o.volume, "overlay.nii", "overlay", 1, null, o.low, o.high));
  }
  drawScale(o);
  byId("stage").dataset.overlay = o ? state.overlay : "none";
  redraw();
};

const drawScale = o => {
  const place = byId("scale");
  place.replaceChildren();
  if (!o) return;
  const [low, high, unit, ticks] = o.scale, n = o.colors.length;
  const canvas = make("canvas", {width: n, height: 1});
  const c = canvas.getContext("2d"), image = c.createImageData(n, 1);
  o.colors.forEach((color, i) => { // as over mid-grey tissue
    const a = color[3] ? nv.overlayAlphaShader : 0;
    for (let k = 0; k < 3; k++) image.data[4 * i + k] = color[k] * a + 90 * (1 - a);
    image.data[4 * i + 3] = 255;
  });
  c.putImageData(image, 0, 0);
  const marks = make("div", {className: "ticks"});
  let last = -1;
  for (const t of ticks) {
    const at = (t - low) / (high - low);
    if (at - last < 0.14) continue;
    last = at;
    const mark = make("span", {textContent: number(t, high < 5 ? 2 : high < 20 ? 1 : 0)});
    mark.style.left = 100 * at + "%";
    marks.append(mark);
  }
  place.append(canvas, marks, make("p", {className: "unit", textContent: unit}));
};

const setWindow = (width, level) => {
  byId("width").value = width;
  byId("level").value = level;
  const v = nv.volumes[0];
  if (!v) return;
  v.cal_min = level - width / 2;
  v.cal_max = level + width / 2;
  nv.updateGLVolume();
  redraw();
};
