(() => {
  const data = JSON.parse(document.getElementById("data").textContent);

  // Planes: a slider leafs through the slices, a click moves the other two
  // planes to the point, and every cross-hair follows.
  const figures = [...document.querySelectorAll(".plane")];
  const show = document.querySelector(".show");
  if (show) {
    show.hidden = false;
    for (const box of show.querySelectorAll("input")) {
      box.addEventListener("change", () => figures.forEach(f => f.classList.toggle("no-" + box.dataset.layer, !box.checked)));
    }
  }
  // Which plane counts slices along the picture's x and y, and whether y runs
  // against that coordinate.
  const across = [2, 2, 1], down = [1, 0, 0], falling = [false, true, true];
  const planes = figures.map((figure, n) => {
    const frames = data.planes[n];
    const slider = figure.querySelector("input");
    const at = slider ? +slider.value : 0;
    const lines = {down: figure.querySelector(".cross .down"), across: figure.querySelector(".cross .across")};
    return {figure, frames, slider, at, start: frames[at].at, lines, x: +lines.down.getAttribute("x1"), y: +lines.across.getAttribute("y1")};
  });
  const moved = n => planes[n].frames[planes[n].at].at - planes[n].start;
  const crosses = () => planes.forEach((p, n) => {
    const x = p.x + moved(across[n]), y = p.y + (falling[n] ? -1 : 1) * moved(down[n]);
    p.lines.down.setAttribute("x1", x); p.lines.down.setAttribute("x2", x);
    p.lines.across.setAttribute("y1", y); p.lines.across.setAttribute("y2", y);
  });
  const set = (n, at) => {
    const p = planes[n], f = p.frames[at];
    p.at = at;
    if (p.slider) {
      p.slider.value = at;
      p.slider.setAttribute("aria-valuetext", number(f.at, 1) + " mm");
    }
    p.figure.querySelector("output").textContent = number(f.at, 1);
    p.figure.querySelector(".ct").setAttribute("href", f.ct);
    const wash = p.figure.querySelector(".wash");
    if (wash) wash.setAttribute("href", f.wash);
    const draw = (group, ds) => p.figure.querySelectorAll("." + group + " path").forEach((path, i) => path.setAttribute("d", ds[i >> 1]));
    draw("isodoses", f.iso || []);
    draw("outlines", f.out || []);
    crosses();
  };
  planes.forEach((p, n) => {
    if (!p.slider) return;
    p.slider.hidden = false;
    p.slider.addEventListener("input", () => set(n, +p.slider.value));
    p.figure.addEventListener("wheel", e => {
      if (!e.ctrlKey && !e.metaKey && document.activeElement === p.slider) {
        e.preventDefault();
        set(n, Math.min(p.frames.length - 1, Math.max(0, p.at + Math.sign(e.deltaY))));
      }
    }, {passive: false});
    const svg = p.figure.querySelector("svg");
    svg.addEventListener("click", e => {
      const box = svg.getBoundingClientRect(), view = svg.viewBox.baseVal;
      const nearest = (m, value) => {
        let best = 0;
        planes[m].frames.forEach((f, i) => { if (Math.abs(f.at - value) < Math.abs(planes[m].frames[best].at - value)) best = i; });
        set(m, best);
      };
      const dx = (e.clientX - box.left) / box.width * view.width - p.x;
      const dy = (e.clientY - box.top) / box.height * view.height - p.y;
      nearest(across[n], planes[across[n]].start + dx);
      nearest(down[n], planes[down[n]].start + (falling[n] ? -dy : dy));
    });
  });

  // The dose–volume histogram, drawn anew for each colour scheme and width.
  const place = document.getElementById("chart");
  if (!place || !data.chart) return;
  let plot = null, shown = null;
  const draw = (dark, width) => {
    shown = plot ? plot.series.map(s => s.show) : null;
    if (plot) plot.destroy();
    plot = new uPlot({
      width, height: Math.round(Math.min(400, Math.max(280, width * 0.4))),
      padding: [12, 16, 0, 0],
      cursor: {drag: {x: true, y: false}, points: {size: 7}},
      legend: {live: true},
      scales: {x: {time: false}, y: {range: [0, 102]}},
      axes: [plotAxis(dark, "Dose (Gy)"), {...plotAxis(dark, "Volume (%)"), size: 52, splits: () => [0, 20, 40, 60, 80, 100]}],
      series: [{label: "Dose", value: (u, v) => v == null ? "\u2013" : number(v, 2) + " Gy"}].concat(data.chart.curves.map((c, i) => ({
        label: c.name, stroke: dark ? c.dark : c.light, width: 2, dash: c.dash || undefined, points: {show: false},
        show: shown ? shown[i + 1] : true,
        value: (u, v) => v == null ? "\u2013" : number(v, 1) + " %",
      }))),
    }, [data.chart.dose].concat(data.chart.curves.map(c => c.volume)), place);
    for (const th of place.querySelectorAll(".u-legend .u-series:not(:first-child) th")) {
      th.tabIndex = 0;
      th.setAttribute("role", "button");
      th.addEventListener("keydown", e => { if (e.key === "Enter" || e.key === " ") { e.preventDefault(); th.click(); } });
    }
  };
  keepDrawn(place, draw);
  place.addEventListener("keydown", e => {
    if (e.target !== place || (e.key !== "ArrowLeft" && e.key !== "ArrowRight")) return;
    e.preventDefault();
    const last = data.chart.dose.length - 1, stride = e.shiftKey ? 20 : 2;
    const from = plot.cursor.idx == null ? 0 : plot.cursor.idx;
    const to = Math.min(last, Math.max(0, from + (e.key === "ArrowRight" ? stride : -stride)));
    plot.setCursor({left: plot.valToPos(data.chart.dose[to], "x"), top: plot.cursor.top > 0 ? plot.cursor.top : 20});
  });
})();
