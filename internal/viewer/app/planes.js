// The three planes: NiiVue draws CT and overlay, a canvas above it the lines.

// Which coordinates of LPS run along the picture's width and height, and which
// counts the slices; NiiVue's numbers of the planes are axial 0, coronal 1, sagittal 2.
const planes = [
  {name: "axial", kind: 0, across: 0, up: 1, normal: 2},
  {name: "sagittal", kind: 2, across: 1, up: 2, normal: 0},
  {name: "coronal", kind: 1, across: 0, up: 2, normal: 1},
];
const axisNames = ["x", "y", "z"];
const ends = [["R", "L"], ["A", "P"], ["I", "S"]]; // at the lower and the higher end of x, y, z of LPS

const nv = new niivue.Niivue({
  interactive: false, dragAndDropEnabled: false, isRadiologicalConvention: true, sagittalNoseLeft: true, isSliceMM: true,
  crosshairWidth: 0, isOrientationTextVisible: false, isColorbar: false, multiplanarShowRender: 0, show3Dcrosshair: false,
  backColor: [0, 0, 0, 1], loadingText: "", logLevel: "error", isAntiAlias: false,
});

// A plane needs two look-ups a pixel, CT and overlay, where NiiVue's own shader
// has more for what is not used here; and NiiVue computes gradients of every
// volume for rendering in three dimensions, in passes over all voxels: a
// program that draws nothing stands in for theirs. Without a graphics card both
// are what takes the time.
const slim = () => {
  nv.setCustomSliceShader(`#version 300 es
    precision highp int; precision highp float;
    uniform highp sampler3D volume;
    uniform highp sampler3D overlay;
    uniform float overlays;
    uniform float opacity;
    uniform float overlayAlphaShader;
    in vec3 texPos;
    out vec4 color;
    void main() {
      vec4 ct = texture(volume, texPos);
      color = vec4(ct.rgb, opacity);
      if (overlays > 0.0) {
        vec4 over = texture(overlay, texPos);
        color.rgb = mix(ct.rgb, over.rgb, over.a * overlayAlphaShader);
      }
    }`);
  const gl = nv.gl, program = gl.createProgram();
  for (const [kind, text] of [[gl.VERTEX_SHADER, "void main() { gl_Position = vec4(2.0, 2.0, 2.0, 1.0); }"], [gl.FRAGMENT_SHADER, "precision mediump float; out vec4 c; void main() { c = vec4(0.0); }"]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, "#version 300 es\n" + text);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  nv.blurShader = nv.gradientPrePassShader = nv.sobelFirstOrderShader = nv.sobelSecondOrderShader = {program, uniforms: {}, use: g => g.useProgram(program)};
};

// A change of the overlay leaves the CT's texture as it is; NiiVue would make it
// anew. Without an overlay it must, to know that there is none.
const refreshLayers = nv.refreshLayers.bind(nv);
let textured = "";
nv.refreshLayers = (volume, layer) => {
  const range = `${volume.id} ${volume.cal_min} ${volume.cal_max}`;
  if (layer === 0 && range === textured && nv.volumes.length > 1) return;
  refreshLayers(volume, layer);
  if (layer === 0) textured = range;
};

// The tiles as shares of the stage: axial large, the others beside or below it.
const layout = () => {
  const stage = byId("stage"), ratio = stage.clientWidth / Math.max(1, stage.clientHeight);
  if (ratio > 1.2) return [[0, 0, 0.62, 1], [0.62, 0, 0.38, 0.5], [0.62, 0.5, 0.38, 0.5]];
  if (ratio > 0.6) return [[0, 0, 1, 0.58], [0, 0.58, 0.5, 0.42], [0.5, 0.58, 0.5, 0.42]];
  return [[0, 0, 1, 0.4], [0, 0.4, 1, 0.3], [0, 0.7, 1, 0.3]];
};
const arrange = () => nv.setCustomLayout(layout().map((position, n) => ({sliceType: planes[n].kind, position})));

// NiiVue fits the whole volume into each tile. Here tiles are filled, all
// planes share one scale, and zoom 1 shows the box worth showing: these two
// methods are what its layout asks for a tile's size and its part of the patient.
nv.calculateWidthHeight = (kind, scale, width, height) => [width, height];
const wholeField = nv.screenFieldOfViewExtendedMM.bind(nv);
nv.screenFieldOfViewExtendedMM = kind => {
  const s = wholeField(kind), n = planes.findIndex(p => p.kind === kind);
  if (n < 0 || !state.case) return s;
  const {across, up} = planes[n], cell = layout()[n], canvas = nv.gl.canvas, mm = mmPerPixel();
  [[across, cell[2] * canvas.width], [up, cell[3] * canvas.height]].forEach(([a, pixels], i) => {
    const middle = state.centre[a] * (a < 2 ? -1 : 1);
    s.mnMM[i] = middle - mm * pixels / 2;
    s.mxMM[i] = middle + mm * pixels / 2;
    s.fovMM[i] = mm * pixels;
  });
  return s;
};
const mmPerPixel = () => {
  const canvas = nv.gl.canvas, [low, high] = state.case.box;
  const need = planes.flatMap(({across, up}, n) => {
    const cell = layout()[n];
    return [(high[across] - low[across]) / (cell[2] * canvas.width), (high[up] - low[up]) / (cell[3] * canvas.height)];
  });
  return 1.1 * Math.max(...need) / state.zoom;
};

// A plane is drawn again only when it shows something else: the drawing buffer
// keeps the rest. While drawPicture runs, stale holds the planes to draw; NiiVue
// drawing by itself, after a change of size or volumes, draws all.
let stale = null;
const tiles = [null, null, null];
const clearBounds = nv.clearBounds.bind(nv), draw2D = nv.draw2D.bind(nv);
nv.clearBounds = (mask, rectangle) => { if (rectangle || !stale) clearBounds(mask, rectangle); };
nv.draw2D = (rectangle, kind, ...rest) => {
  const n = planes.findIndex(p => p.kind === kind);
  if (stale && !stale.has(n)) return;
  if (stale) clearBounds(undefined, rectangle);
  draw2D(rectangle, kind, ...rest);
  tiles[n] = nv.screenSlices[nv.screenSlices.length - 1];
};

// tile is how NiiVue has last drawn a plane: its rectangle on the canvas in
// device pixels, and what maps the plane's mm to it.
const tile = n => {
  const t = tiles[n];
  if (!t) return null;
  const [left, top, width, height] = t.leftTopWidthHeight, {across, up} = planes[n];
  const sign = a => a < 2 ? -1 : 1; // LPS to RAS
  const sx = width / t.fovMM[0] * sign(across), sy = -height / t.fovMM[1] * sign(up);
  const x0 = left - width / t.fovMM[0] * t.leftTopMM[0], y0 = top + height + height / t.fovMM[1] * t.leftTopMM[1];
  return {left, top, width, height, sx, sy,
    x: mm => x0 + sx * mm, y: mm => y0 + sy * mm,
    fromX: px => (px - x0) / sx, fromY: px => (px - y0) / sy};
};

const frac = p => nv.mm2frac([-p[0], -p[1], p[2]]);

let asked = false;
const redraw = () => {
  if (asked) return;
  asked = true;
  requestAnimationFrame(() => { asked = false; drawPicture(); drawLines(); });
};
const drawn = []; // what each plane shows
const drawPicture = () => {
  if (!state.ct || !nv.volumes.length) return;
  const canvas = nv.gl.canvas, view = [state.centre, state.zoom, canvas.width, canvas.height, nv.overlayAlphaShader].join();
  stale = new Set([0, 1, 2].filter(n => drawn[n] !== view + state.at[planes[n].normal]));
  if (stale.size) {
    nv.scene.crosshairPos = frac(state.at);
    try { nv.drawScene(); } catch (error) { stale = null; throw error; }
    for (const n of stale) drawn[n] = view + state.at[planes[n].normal];
  }
  stale = null;
  const stage = byId("stage");
  stage.dataset.frames = +(stage.dataset.frames || 0) + 1;
};

// Lines come from the server for each plane; those of another plane are never
// shown in its place.
const lineCache = new Map();
const lineKey = (n, mm) => `plane=${planes[n].name}&at=${mm.toFixed(3)}&dose=${state.doseAt}`;
const fetchLines = key => {
  if (!lineCache.has(key)) {
    if (lineCache.size > 3000) lineCache.clear();
    lineCache.set(key, null);
    askJSON("lines?" + key).then(l => { lineCache.set(key, l); drawLines(); }, error => { lineCache.delete(key); failed(error); });
  }
  return lineCache.get(key);
};
let ahead = 0;
const fetchAhead = () => {
  clearTimeout(ahead);
  ahead = setTimeout(() => {
    planes.forEach(({normal}, n) => {
      for (let k = 1; k <= (n === state.plane ? 6 : 1); k++) {
        for (const s of [1, -1]) fetchLines(lineKey(n, state.ct.snap(normal, state.at[normal] + s * k * state.ct.spacing[normal])));
      }
    });
  }, 60);
};

const drawLines = () => {
  const canvas = byId("lines"), c = canvas.getContext("2d", {willReadFrequently: true}), below = nv.gl && nv.gl.canvas;
  if (!below || !state.ct) return;
  if (canvas.width !== below.width || canvas.height !== below.height) { canvas.width = below.width; canvas.height = below.height; }
  c.clearRect(0, 0, canvas.width, canvas.height);
  const dpr = canvas.width / Math.max(1, canvas.clientWidth);
  planes.forEach((plane, n) => {
    const t = tile(n);
    if (!t) return;
    c.save();
    c.beginPath(); c.rect(t.left, t.top, t.width, t.height); c.clip();
    const lines = fetchLines(lineKey(n, state.at[plane.normal]));
    // One dark edge behind all lines of a kind, then each in its colour.
    const draw = (kind, width) => {
      const edge = new Path2D(), paths = kind.map(({groups}) => {
        const path = new Path2D();
        for (const l of groups) {
          path.moveTo(t.x(l[0]), t.y(l[1]));
          for (let i = 2; i < l.length; i += 2) path.lineTo(t.x(l[i]), t.y(l[i + 1]));
        }
        edge.addPath(path);
        return path;
      });
      c.lineJoin = "round";
      c.strokeStyle = "rgba(0,0,0,.6)"; c.lineWidth = (width + 1.6) * dpr; c.stroke(edge);
      c.lineWidth = width * dpr;
      kind.forEach(({color, dash}, i) => { c.setLineDash((dash || []).map(d => d * dpr)); c.strokeStyle = color; c.stroke(paths[i]); });
      c.setLineDash([]);
    };
    if (lines && byId("show-isodoses").checked && state.dose) {
      draw(state.case.doses[state.doseAt].levels.map((level, i) => ({groups: lines.isodoses[i], color: level.color})), 1.2);
    }
    if (lines && byId("show-outlines").checked) {
      draw(state.case.structures.map((s, i) => ({groups: lines.outlines[i], color: s.dark, dash: s.dash, i})).filter(s => !state.hidden.has(s.i)), 2);
    }
    if (byId("show-cross").checked) {
      const x = t.x(state.at[plane.across]), y = t.y(state.at[plane.up]), gap = 9 * dpr;
      c.strokeStyle = "rgba(255,255,255,.6)"; c.lineWidth = dpr;
      c.beginPath();
      c.moveTo(t.left, y); c.lineTo(x - gap, y); c.moveTo(x + gap, y); c.lineTo(t.left + t.width, y);
      c.moveTo(x, t.top); c.lineTo(x, y - gap); c.moveTo(x, y + gap); c.lineTo(x, t.top + t.height);
      c.stroke();
    }
    if (state.profile) {
      const [p, q] = state.profile, flat = Math.abs(p[plane.normal] - q[plane.normal]) < 1e-6 && Math.abs(p[plane.normal] - state.at[plane.normal]) < state.ct.spacing[plane.normal] / 2 + 1e-6;
      if (flat) {
        c.strokeStyle = "#fff"; c.fillStyle = "#fff"; c.lineWidth = 1.6 * dpr; c.setLineDash([6 * dpr, 3 * dpr]);
        c.beginPath(); c.moveTo(t.x(p[plane.across]), t.y(p[plane.up])); c.lineTo(t.x(q[plane.across]), t.y(q[plane.up])); c.stroke(); c.setLineDash([]);
        [p, q].forEach((e, i) => { c.beginPath(); c.arc(t.x(e[plane.across]), t.y(e[plane.up]), 3.5 * dpr, 0, 7); i ? c.stroke() : c.fill(); });
      }
    }
    c.restore();
    drawMarks(c, t, n, dpr);
  });
  readout();
};

// The letters of the patient's sides, the plane's place, and a scale.
const drawMarks = (c, t, n, dpr) => {
  const plane = planes[n], cell = layout()[n], canvas = byId("lines");
  const box = {left: cell[0] * canvas.width, top: cell[1] * canvas.height, width: cell[2] * canvas.width, height: cell[3] * canvas.height};
  const text = (s, x, y, align, base) => {
    c.textAlign = align; c.textBaseline = base;
    c.lineWidth = 3 * dpr; c.strokeStyle = "rgba(0,0,0,.8)"; c.strokeText(s, x, y);
    c.fillStyle = "#fff"; c.fillText(s, x, y);
  };
  c.font = `600 ${13 * dpr}px system-ui, sans-serif`;
  const side = (a, right) => ends[a][right ? 1 : 0], m = 7 * dpr;
  const midX = box.left + box.width / 2, midY = box.top + box.height / 2;
  text(side(plane.across, t.sx < 0), box.left + m, midY, "left", "middle");
  text(side(plane.across, t.sx > 0), box.left + box.width - m, midY, "right", "middle");
  text(side(plane.up, t.sy < 0), midX, box.top + m, "center", "top");
  text(side(plane.up, t.sy > 0), midX, box.top + box.height - m, "center", "bottom");
  c.font = `${12 * dpr}px system-ui, sans-serif`;
  text(`${plane.name}   ${axisNames[plane.normal]} = ${number(state.at[plane.normal], 1)} mm`, box.left + box.width - m, box.top + box.height - m, "right", "bottom");
  const most = box.width * 0.3 / Math.abs(t.sx), bar = [200, 100, 50, 20, 10, 5, 2, 1].find(b => b <= most) || 1;
  const y = box.top + box.height - 10 * dpr, x = box.left + m;
  c.strokeStyle = "rgba(0,0,0,.8)"; c.lineWidth = 5 * dpr; c.beginPath(); c.moveTo(x, y); c.lineTo(x + bar * Math.abs(t.sx), y); c.stroke();
  c.strokeStyle = "#fff"; c.lineWidth = 2 * dpr; c.stroke();
  text(`${bar} mm`, x, y - 5 * dpr, "left", "bottom");
  c.strokeStyle = n === state.plane ? "#56b4e9" : "#2c3641"; c.lineWidth = (n === state.plane ? 2 : 1) * dpr;
  c.strokeRect(box.left + dpr, box.top + dpr, box.width - 2 * dpr, box.height - 2 * dpr);
};

const readout = () => {
  const p = state.at, parts = [`x ${number(p[0], 1)}  y ${number(p[1], 1)}  z ${number(p[2], 1)} mm`, figure(state.ct.at(p), 0, "HU")];
  if (state.dose) {
    const d = state.dose.at(p), ref = state.case.doses[state.doseAt].reference;
    parts.push(`dose ${figure(d, 2, "Gy")}` + (ref > 0 ? ` (${figure(100 * d / ref, 1, "%")})` : ""));
    if (state.compared) {
      const e = state.compared.at(p);
      parts.push(`compared ${figure(e, 2, "Gy")}`, `Δ ${figure(e - d, 2, "Gy")}`);
    }
    if (state.gamma) parts.push(`γ ${figure(state.gamma.at(p), 2)}`);
  }
  byId("readout").textContent = parts.join("  ·  ");
};

const goTo = p => {
  state.at = p.map((mm, a) => state.ct.snap(a, mm));
  fetchAhead();
  redraw();
};
const step = (axis, n) => goTo(state.at.map((mm, a) => a === axis ? mm + n * state.ct.spacing[a] : mm));

// Where a pointer is: the plane and the point in it.
const under = e => {
  const canvas = byId("lines"), r = canvas.getBoundingClientRect(), dpr = canvas.width / r.width;
  const x = (e.clientX - r.left) * dpr, y = (e.clientY - r.top) * dpr;
  for (const [n, cell] of layout().entries()) {
    const u = x / canvas.width - cell[0], v = y / canvas.height - cell[1], t = tile(n);
    if (!t || u < 0 || v < 0 || u > cell[2] || v > cell[3]) continue;
    const p = [...state.at];
    p[planes[n].across] = t.fromX(x);
    p[planes[n].up] = t.fromY(y);
    return {n, p};
  }
  return null;
};

const watchPointer = () => {
  const canvas = byId("lines");
  let held = null, panning = false;
  canvas.addEventListener("contextmenu", e => e.preventDefault());
  canvas.addEventListener("pointerdown", e => {
    const u = under(e);
    if (!u) return;
    byId("stage").focus({preventScroll: true});
    canvas.setPointerCapture(e.pointerId);
    held = u;
    state.plane = u.n;
    panning = e.button !== 0 || e.shiftKey;
    if (panning) return;
    if (state.drawing) { state.profile = [u.p, u.p]; drawLines(); } else goTo(u.p);
  });
  canvas.addEventListener("pointermove", e => {
    if (!held) return;
    const u = under(e);
    if (!u || u.n !== held.n) return;
    if (panning) {
      for (const a of [planes[u.n].across, planes[u.n].up]) state.centre[a] += held.p[a] - u.p[a];
      redraw();
    } else if (state.drawing) { state.profile = [held.p, u.p]; drawLines(); } else goTo(u.p);
  });
  const release = () => {
    if (held && state.drawing && !panning) { setDrawing(false); showTab("profile"); drawProfile(); }
    held = null;
  };
  canvas.addEventListener("pointerup", release);
  canvas.addEventListener("pointercancel", release);
  canvas.addEventListener("wheel", e => {
    const u = under(e);
    if (!u) return;
    e.preventDefault();
    if (e.ctrlKey || e.metaKey) { setZoom(state.zoom * (e.deltaY < 0 ? 1.15 : 1 / 1.15)); return; }
    state.plane = u.n;
    step(planes[u.n].normal, Math.sign(e.deltaY) * (planes[u.n].normal === 2 ? -1 : 1));
  }, {passive: false});
};
// Closer or further, the cross-hair staying where it is on the screen.
const setZoom = z => {
  z = Math.min(12, Math.max(0.2, z));
  state.centre = state.centre.map((c, a) => state.at[a] + (c - state.at[a]) * state.zoom / z);
  state.zoom = z;
  redraw();
};
const wholeView = () => {
  const [low, high] = state.case.box;
  state.centre = low.map((v, a) => (v + high[a]) / 2);
  state.zoom = 1;
  redraw();
};
const setDrawing = on => {
  state.drawing = on;
  byId("profile-tool").setAttribute("aria-pressed", on);
  byId("stage").classList.toggle("drawing", on);
};
