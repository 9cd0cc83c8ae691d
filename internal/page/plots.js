"use strict";
const number = (v, decimals) => v.toFixed(decimals).replace("-", "\u2212");

// The axis of a plot with its label.
const plotAxis = (dark, label) => {
  const ink = dark ? "#9aa8b7" : "#53606e", grid = dark ? "#28323d" : "#e3e8ed";
  return {label, stroke: ink, labelFont: "12px system-ui, sans-serif", font: "12px system-ui, sans-serif",
    grid: {stroke: grid, width: 1}, ticks: {stroke: grid, width: 1}};
};

// Draws anew for each colour scheme and width, and light for paper: draw(dark,
// width in px).
const keepDrawn = (place, draw) => {
  const scheme = matchMedia("(prefers-color-scheme: dark)");
  const redraw = () => draw(scheme.matches, place.clientWidth);
  redraw();
  scheme.addEventListener("change", redraw);
  addEventListener("beforeprint", () => draw(false, Math.min(place.clientWidth, 660)));
  addEventListener("afterprint", redraw);
  let width = place.clientWidth;
  new ResizeObserver(() => { if (place.clientWidth !== width) { width = place.clientWidth; redraw(); } }).observe(place);
};
