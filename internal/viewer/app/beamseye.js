// The aperture seen from the source, with the shadows of the structures, in
// the isocentre plane: x to the right, y up, mm.
let eyeAsked = 0;
const drawEye = async () => {
  const beam = +byId("beam").value, point = +byId("point").value, info = state.case.beams[beam], mine = ++eyeAsked;
  if (!info) return;
  const pose = info.points[point];
  byId("point").setAttribute("aria-valuetext", `control point ${point + 1} of ${info.points.length}`);
  byId("pose").textContent = `control point ${point + 1} of ${info.points.length}:  gantry ${number(pose.gantry, 1)}°  collimator ${number(pose.collimator, 1)}°  couch ${number(pose.couch, 1)}°  ` +
    `${number(100 * pose.weight, 1)} % of the monitor units given before it`;
  let view;
  try {
    view = await askJSON(`bev?beam=${beam}&point=${point}`);
  } catch (error) {
    byId("pose").textContent = error.message;
    return;
  }
  if (mine !== eyeAsked) return; // another was asked for meanwhile
  const canvas = byId("eye"), width = canvas.clientWidth, dpr = devicePixelRatio || 1, height = Math.min(width, 330);
  canvas.style.height = height + "px";
  canvas.width = width * dpr; canvas.height = height * dpr;
  const c = canvas.getContext("2d", {willReadFrequently: true});
  c.scale(dpr, dpr);
  // As much as is open, with a margin; the same for all points of a beam would
  // need all of them.
  let half = 30;
  for (const d of view.devices) {
    const n = d.positions.length / 2;
    for (let i = 0; i < n; i++) {
      if (d.positions[n + i] - d.positions[i] < 1) continue;
      half = Math.max(half, Math.min(200, Math.abs(d.positions[i])), Math.min(200, Math.abs(d.positions[n + i])));
    }
  }
  half = 10 * Math.ceil((half * 1.25 + 10) / 10);
  const left = 46, bottom = 34, side = height - bottom - 8, w = width - left - 8, scale = side / (2 * half), halfX = w / 2 / scale;
  const X = x => left + w / 2 + x * scale, Y = y => 8 + side / 2 - y * scale;
  c.fillStyle = "#4a5663"; c.fillRect(left, 8, w, side);
  c.save();
  c.beginPath(); c.rect(left, 8, w, side); c.clip();
  const shadows = state.case.structures.map((s, i) => {
    const path = new Path2D();
    if (state.hidden.has(i) || s.role === "EXTERNAL") return path;
    for (const l of view.silhouettes[i]) {
      path.moveTo(X(l[0]), Y(l[1]));
      for (let k = 2; k < l.length; k += 2) path.lineTo(X(l[k]), Y(l[k + 1]));
    }
    c.fillStyle = s.dark; c.globalAlpha = 0.4; c.fill(path, "evenodd"); c.globalAlpha = 1;
    return path;
  });
  // Leaves and jaws: what is closed is veiled, edges drawn.
  const far = 2000;
  for (const d of view.devices) {
    const n = d.positions.length / 2, leaves = d.kind.startsWith("MLC"), alongX = d.kind.endsWith("X");
    c.fillStyle = leaves ? "rgba(24,30,37,.82)" : "rgba(12,15,19,.7)";
    c.strokeStyle = leaves ? "rgba(160,172,184,.55)" : "#f0e442";
    c.lineWidth = leaves ? 0.7 : 1.6;
    for (let i = 0; i < n; i++) {
      const a = d.boundaries ? d.boundaries[i] : -far, b = d.boundaries ? d.boundaries[i + 1] : far;
      for (const [from, to] of [[-far, d.positions[i]], [d.positions[n + i], far]]) {
        const [x0, x1, y0, y1] = alongX ? [from, to, a, b] : [a, b, from, to];
        c.fillRect(X(x0), Y(y1), X(x1) - X(x0), Y(y0) - Y(y1));
        if (leaves) c.strokeRect(X(x0), Y(y1), X(x1) - X(x0), Y(y0) - Y(y1));
      }
      if (!leaves) {
        c.beginPath();
        for (const v of [d.positions[i], d.positions[n + i]]) {
          if (alongX) { c.moveTo(X(v), Y(-far)); c.lineTo(X(v), Y(far)); } else { c.moveTo(X(-far), Y(v)); c.lineTo(X(far), Y(v)); }
        }
        c.stroke();
      }
    }
  }
  shadows.forEach((path, i) => {
    const s = state.case.structures[i];
    c.strokeStyle = s.dark; c.lineWidth = 1.8; c.setLineDash(s.dash); c.stroke(path); c.setLineDash([]);
  });
  c.strokeStyle = "rgba(255,255,255,.7)"; c.lineWidth = 1;
  c.beginPath(); c.moveTo(X(-8), Y(0)); c.lineTo(X(8), Y(0)); c.moveTo(X(0), Y(-8)); c.lineTo(X(0), Y(8)); c.stroke();
  c.restore();
  // Axes.
  const ink = getComputedStyle(document.body).color, stepMm = [10, 20, 50, 100].find(s => 2 * half / s <= 9) || 100;
  c.fillStyle = ink; c.strokeStyle = ink; c.lineWidth = 1; c.font = "11px system-ui, sans-serif";
  c.strokeRect(left, 8, w, side);
  c.textAlign = "center"; c.textBaseline = "top";
  for (let v = -Math.floor(halfX / stepMm) * stepMm; v <= halfX; v += stepMm) { c.beginPath(); c.moveTo(X(v), 8 + side); c.lineTo(X(v), 12 + side); c.stroke(); c.fillText(number(v, 0), X(v), 13 + side); }
  c.textAlign = "right"; c.textBaseline = "middle";
  for (let v = -Math.floor(half / stepMm) * stepMm; v <= half; v += stepMm) { c.beginPath(); c.moveTo(left - 4, Y(v)); c.lineTo(left, Y(v)); c.stroke(); c.fillText(number(v, 0), left - 6, Y(v)); }
  c.textAlign = "center"; c.textBaseline = "bottom"; c.fillText("x at the isocentre (mm)", left + w / 2, height);
  c.save(); c.translate(10, 8 + side / 2); c.rotate(-Math.PI / 2); c.textBaseline = "top"; c.fillText("y at the isocentre (mm)", 0, -8); c.restore();
  byId("bev").dataset.drawn = `${beam}/${point}`;
};
const chooseBeam = () => {
  const info = state.case.beams[+byId("beam").value], slider = byId("point");
  if (!info) { byId("pose").textContent = "There is no plan in this folder."; return; }
  slider.max = info.points.length - 1;
  slider.value = 0;
  return drawEye();
};
