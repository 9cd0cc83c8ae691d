(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const shown = data.methods.map(() => true);
  const plots = [];

  // Layers of another density than water, behind the curves.
  const layers = (layers, dark) => u => {
    for (const [from, to, density] of layers) {
      if (density > 0.9 && density < 1.1) continue;
      const light = density <= 0.9;
      u.ctx.fillStyle = light ? (dark ? "rgba(121,180,242,.13)" : "rgba(29,95,166,.08)") : (dark ? "rgba(255,255,255,.14)" : "rgba(0,0,0,.10)");
      const a = Math.max(u.valToPos(from, "x", true), u.bbox.left), b = Math.min(u.valToPos(to, "x", true), u.bbox.left + u.bbox.width);
      if (b > a) u.ctx.fillRect(a, u.bbox.top, b - a, u.bbox.height);
    }
  };

  const make = (figure, spec, background) => {
    const place = figure.querySelector(".plot"), reading = figure.querySelector(".reading");
    let plot = null;
    const rows = [spec.at, spec.high, spec.low, spec.mc, ...spec.curves.map(c => c || spec.at.map(() => null))];
    const read = u => {
      const i = u.cursor.idx;
      reading.textContent = "";
      if (i == null) return;
      const say = (text, colour) => {
        const s = document.createElement("span");
        s.textContent = text;
        if (colour) s.style.color = colour;
        reading.append(s);
      };
      say(number(spec.at[i], 1) + " mm");
      if (spec.mc[i] != null && !spec.ratio) say("MC " + number(spec.mc[i], 1));
      data.methods.forEach((m, n) => {
        const v = rows[4 + n][i];
        if (shown[n] && v != null) say(number(v, 1), u.dark ? m.dark : m.light);
      });
    };
    const draw = (dark, width) => {
      if (plot) plot.destroy();
      const ink = dark ? "#e4e9ef" : "#18212b";
      const none = {stroke: "transparent", width: 0, points: {show: false}};
      plot = new uPlot({
        width, height: 250, padding: [10, 10, 0, 0],
        cursor: {drag: {x: true, y: false}, points: {size: 5}},
        legend: {show: false},
        scales: {x: {time: false}, y: {range: (u, low, high) => {
          if (spec.ratio) return [Math.max(70, Math.min(96, Math.floor(low - 0.5))), Math.min(140, Math.max(104, Math.ceil(high + 0.5)))];
          return [0, high * 1.05];
        }}},
        axes: [plotAxis(dark, spec.x), {...plotAxis(dark, spec.y), size: 50}],
        bands: [{series: [1, 2], fill: dark ? "rgba(228,233,239,.26)" : "rgba(24,33,43,.18)"}],
        series: [{}, none, none, {stroke: ink, width: 1.6, points: {show: false}},
          ...data.methods.map((m, n) => ({stroke: dark ? m.dark : m.light, width: 1.6, dash: m.dash || undefined, show: shown[n], points: {show: false}}))],
        hooks: {drawClear: background ? [layers(background, dark)] : [], setCursor: [read]},
      }, rows, place);
      plot.dark = dark;
    };
    keepDrawn(place, draw);
    plots.push(() => plot);
  };

  for (const place of document.querySelectorAll(".plots")) {
    const c = data.cases[+place.dataset.case];
    for (const spec of c.plots) {
      const figure = document.createElement("figure");
      const title = document.createElement("h3");
      title.textContent = spec.title;
      const box = document.createElement("div"), reading = document.createElement("div");
      box.className = "plot";
      reading.className = "reading";
      figure.append(title, box, reading);
      place.append(figure);
      make(figure, spec, spec.layers ? c.layers : null);
    }
  }

  const choice = document.querySelector(".choice");
  choice.hidden = false;
  choice.addEventListener("change", e => {
    const n = +e.target.dataset.method;
    shown[n] = e.target.checked;
    for (const plot of plots) plot().setSeries(4 + n, {show: shown[n]});
  });
})();
