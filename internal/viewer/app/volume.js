// A volume as the server sends it: NIfTI-1 with axes along those of LPS.
class Volume {
  constructor(buffer) {
    const head = new DataView(buffer);
    this.buffer = buffer;
    this.size = [0, 1, 2].map(a => head.getInt16(42 + 2 * a, true));
    // RAS to LPS: x and y change their sign.
    const row = (r, c) => head.getFloat32(280 + 16 * r + 4 * c, true) * (r < 2 ? -1 : 1);
    this.spacing = [0, 1, 2].map(a => row(a, a));
    this.origin = [0, 1, 2].map(a => row(a, 3));
    const kind = head.getInt16(70, true) === 4 ? Int16Array : Float32Array;
    this.data = new kind(buffer, 352);
  }
  static async fetch(url) { return new Volume(await (await ask(url)).arrayBuffer()); }
  index(p) { return [0, 1, 2].map(a => (p[a] - this.origin[a]) / this.spacing[a]); }
  // The nearest voxel centre along axis a, mm.
  snap(a, mm) {
    const i = Math.round((mm - this.origin[a]) / this.spacing[a]);
    return this.origin[a] + this.spacing[a] * Math.min(this.size[a] - 1, Math.max(0, i));
  }
  // Trilinear between voxel centres, constant in the outer half voxel, NaN beyond.
  at(p) {
    const low = [], part = [], q = this.index(p), [nx, ny] = this.size;
    for (let a = 0; a < 3; a++) {
      const last = this.size[a] - 1;
      if (!(q[a] >= -0.5 && q[a] <= last + 0.5)) return NaN;
      const x = Math.min(Math.max(q[a], 0), last);
      low[a] = Math.min(Math.floor(x), Math.max(last - 1, 0));
      part[a] = x - low[a];
    }
    let sum = 0;
    for (let c = 0; c < 8; c++) {
      let w = 1, at = 0;
      for (let a = 2; a >= 0; a--) {
        const high = c >> a & 1;
        w *= high ? part[a] : 1 - part[a];
        at = at * (a === 2 ? 1 : this.size[a]) + low[a] + high;
      }
      if (w > 0) sum += w * this.data[at];
    }
    return sum;
  }
  // A copy for the picture, each value put through f.
  shown(f) {
    const buffer = this.buffer.slice(0), data = new Float32Array(buffer, 352);
    for (let n = 0; n < data.length; n++) data[n] = f(data[n]);
    return buffer;
  }
}

const ask = async (url, options) => {
  const r = await fetch(url, options);
  if (!r.ok) throw new Error((await r.text()).trim());
  return r;
};
const askJSON = async (url, options) => (await ask(url, options)).json();
const byId = id => document.getElementById(id);
const make = (tag, properties, ...children) => {
  const e = Object.assign(document.createElement(tag), properties);
  e.append(...children);
  return e;
};
const dark = matchMedia("(prefers-color-scheme: dark)");
const figure = (v, decimals, unit) => v == null || Number.isNaN(v) ? "\u2013" : number(v, decimals) + (unit ? "\u00a0" + unit : "");
const failed = error => { const b = byId("busy"); b.hidden = false; b.textContent = error.message; b.classList.add("error"); };

// What is looked at. Places are mm in LPS.
const state = {
  case: null, ct: null, dose: null, compared: null, // volumes
  doseAt: 0, comparedAt: -1,
  at: [0, 0, 0], plane: 0, centre: [0, 0, 0], zoom: 1,
  overlay: "dose",
  hidden: new Set(), // structures
  profile: null, drawing: false,
  gamma: null, // the volume, when it is of these two doses
};
