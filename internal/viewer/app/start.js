// Controls, keys, and the order in which things are loaded.
const windows = [["Soft tissue", 400, 40], ["Lung", 1600, -400], ["Bone", 1800, 400], ["Brain", 80, 40], ["Wide", 3000, 500]];

const chooseDose = async () => {
  state.doseAt = Math.max(0, +byId("dose").value);
  const other = byId("compared").value;
  state.comparedAt = other === "" || +other === state.doseAt ? -1 : +other;
  if (state.comparedAt < 0) byId("compared").value = "";
  state.difference = state.gamma = null;
  if (!state.case.doses.length) { sayCompared(); return; }
  state.dose = await Volume.fetch("dose.nii?dose=" + state.doseAt);
  state.compared = state.comparedAt >= 0 ? await Volume.fetch("dose.nii?dose=" + state.comparedAt) : null;
  if (state.comparedAt < 0 && state.overlay !== "none" || state.overlay === "gamma") state.overlay = "dose";
  listLevels();
  sayCompared();
  await setOverlay(state.overlay);
};
const listLevels = () => {
  const dose = state.case.doses[state.doseAt];
  byId("levels").replaceChildren(...[...dose.levels].reverse().map(l => make("li", {}, swatch({light: l.color, dark: l.color, dash: []}),
    make("span", {textContent: `${number(l.percent, 0)} %`}), make("span", {className: "soft", textContent: `${number(l.gy, 2)} Gy`}))));
};
const listStructures = () => {
  byId("structures").replaceChildren(...state.case.structures.flatMap((s, i) => {
    if (s.empty) return [];
    const box = make("input", {type: "checkbox", checked: !state.hidden.has(i)});
    box.addEventListener("change", () => {
      box.checked ? state.hidden.delete(i) : state.hidden.add(i);
      drawLines(); drawHistograms(); drawEye();
    });
    return make("li", {}, make("label", {title: s.role}, box, swatch(s), s.name));
  }));
};
const showTab = name => {
  for (const tab of document.querySelectorAll("[role=tab]")) {
    const on = tab.id === "tab-" + name;
    tab.setAttribute("aria-selected", on);
    tab.tabIndex = on ? 0 : -1;
    byId(tab.getAttribute("aria-controls")).hidden = !on;
  }
  if (name === "profile") { if (state.profile) drawProfile().catch(failed); else profileAlong(0).catch(failed); }
  if (name === "bev") drawEye();
  if (name === "compare" && state.gamma) drawGammaHistogram(2);
};
const toMax = async () => {
  const v = state.dose;
  if (!v) return;
  let best = 0;
  for (let n = 1; n < v.data.length; n++) if (v.data[n] > v.data[best] || Number.isNaN(v.data[best])) best = n;
  goTo([best % v.size[0], Math.floor(best / v.size[0]) % v.size[1], Math.floor(best / v.size[0] / v.size[1])].map((i, a) => v.origin[a] + i * v.spacing[a]));
};
const toggle = id => { byId(id).checked = !byId(id).checked; drawLines(); };
const nextWindow = () => { const s = byId("window"); s.selectedIndex = (s.selectedIndex + 1) % s.options.length; s.dispatchEvent(new Event("change")); };

const keys = {
  ArrowUp: () => step(planes[state.plane].normal, 1), ArrowDown: () => step(planes[state.plane].normal, -1),
  PageUp: () => step(planes[state.plane].normal, 10), PageDown: () => step(planes[state.plane].normal, -10),
  ArrowLeft: () => step(planes[state.plane].across, -1), ArrowRight: () => step(planes[state.plane].across, 1),
  "1": () => { state.plane = 0; drawLines(); }, "2": () => { state.plane = 1; drawLines(); }, "3": () => { state.plane = 2; drawLines(); },
  "+": () => setZoom(state.zoom * 1.25), "=": () => setZoom(state.zoom * 1.25), "-": () => setZoom(state.zoom / 1.25), "0": wholeView,
  m: toMax, d: () => { if (state.case.doses.length) setOverlay(state.overlay === "none" ? "dose" : "none"); }, i: () => toggle("show-isodoses"), s: () => toggle("show-outlines"), x: () => toggle("show-cross"),
  w: nextWindow, p: () => setDrawing(!state.drawing), Escape: () => setDrawing(false), "?": () => byId("help").showModal(),
};
const watchControls = () => {
  byId("stage").addEventListener("keydown", e => {
    const act = keys[e.key] || keys[e.key.toLowerCase()];
    if (!act || e.ctrlKey || e.metaKey || e.altKey) return;
    e.preventDefault();
    act();
  });
  document.addEventListener("keydown", e => { if (e.key === "?" && !/INPUT|SELECT/.test(e.target.tagName)) byId("help").showModal(); });
  byId("help-open").addEventListener("click", () => byId("help").showModal());
  byId("dose").addEventListener("change", () => chooseDose().then(loadHistograms).catch(failed));
  byId("compared").addEventListener("change", () => chooseDose().then(loadHistograms).catch(failed));
  for (const r of document.querySelectorAll("[name=overlay]")) r.addEventListener("change", () => setOverlay(r.value));
  byId("opacity").addEventListener("input", () => { nv.overlayAlphaShader = +byId("opacity").value; redraw(); });
  for (const id of ["show-isodoses", "show-outlines", "show-cross"]) byId(id).addEventListener("change", drawLines);
  byId("window").addEventListener("change", () => { const w = byId("window").value; if (w) setWindow(...w.split(",").map(Number)); });
  for (const id of ["width", "level"]) byId(id).addEventListener("change", () => {
    const width = +byId("width").value, level = +byId("level").value;
    if (width >= 1 && Number.isFinite(level)) { byId("window").value = ""; setWindow(width, level); }
  });
  byId("profile-tool").addEventListener("click", () => setDrawing(!state.drawing));
  byId("to-max").addEventListener("click", toMax);
  byId("reset").addEventListener("click", wholeView);
  byId("beam").addEventListener("change", chooseBeam);
  byId("point").addEventListener("input", drawEye);
  for (const b of document.querySelectorAll("[data-axis]")) b.addEventListener("click", () => profileAlong(+b.dataset.axis).catch(failed));
  byId("criteria").addEventListener("submit", e => { e.preventDefault(); computeGamma(); });
  const tabs = [...document.querySelectorAll("[role=tab]")];
  tabs.forEach((tab, n) => {
    tab.addEventListener("click", () => showTab(tab.getAttribute("aria-controls")));
    tab.addEventListener("keydown", e => {
      const to = e.key === "ArrowRight" ? n + 1 : e.key === "ArrowLeft" ? n - 1 : -1;
      if (to < 0 && e.key !== "ArrowLeft") return;
      const next = tabs[(to + tabs.length) % tabs.length];
      next.focus();
      showTab(next.getAttribute("aria-controls"));
    });
  });
  dark.addEventListener("change", () => { listStructures(); drawHistograms(); drawEye(); drawProfile().catch(failed); });
  let width = 0;
  new ResizeObserver(() => {
    arrange();
    redraw();
    const w = byId("dvh").clientWidth;
    if (w !== width) { width = w; drawHistograms(); drawEye(); drawProfile().catch(failed); }
  }).observe(byId("stage"));
};

const start = async () => {
  const busy = byId("busy");
  // The context that NiiVue takes.
  if (!byId("picture").getContext("webgl2", {alpha: true, antialias: false, preserveDrawingBuffer: true})) throw new Error("This browser has no WebGL 2, which the planes are drawn with.");
  const [shown] = await Promise.all([askJSON("case"), nv.attachToCanvas(byId("picture"))]);
  state.case = shown;
  slim();
  byId("who").textContent = [shown.patient, shown.id].filter(Boolean).join(" · ");
  byId("statement").textContent = shown.statement;
  document.title = [shown.patient || shown.id, "Kerma viewer"].filter(Boolean).join(" – ");
  const option = (text, value) => make("option", {textContent: text, value});
  byId("dose").replaceChildren(...shown.doses.map((d, i) => option(d.label, i)));
  byId("compared").replaceChildren(option("nothing", ""), ...shown.doses.map((d, i) => option(d.label, i)));
  byId("compared").value = shown.compared > 0 ? shown.compared : "";
  byId("beam").replaceChildren(...shown.beams.map((b, i) => option(b.name, i)));
  byId("window").replaceChildren(option("own", ""), ...windows.map(([n, w, l]) => option(`${n} ${w}/${number(l, 0)}`, `${w},${l}`)));
  if (shown.notes.length) { byId("notes-box").hidden = false; byId("notes").replaceChildren(...shown.notes.map(n => make("li", {textContent: n}))); }
  listStructures();
  wholeView();
  nv.overlayAlphaShader = +byId("opacity").value;
  state.ct = await Volume.fetch("ct.nii");
  const [w, l] = shown.window;
  byId("window").value = windows.some(x => x[1] === w && x[2] === l) ? `${w},${l}` : "";
  byId("width").value = w; byId("level").value = l;
  const ct = await niivue.NVImage.new(state.ct.buffer, "ct.nii", "gray", 1, null, l - w / 2, l + w / 2);
  if (shown.doses.length) nv.volumes.push(ct); else nv.addVolume(ct); // else drawn with the first overlay
  arrange();
  watchPointer();
  watchControls();
  goTo(shown.start);
  await chooseDose();
  busy.hidden = true;
  byId("stage").dataset.ready = Math.round(performance.now());
  await Promise.all([loadHistograms(), chooseBeam()]);
  byId("stage").dataset.complete = Math.round(performance.now());
};
start().catch(failed);
