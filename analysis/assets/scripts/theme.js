"use strict";
// The page's colours, read from its style sheet so that there is one place for them.

const DARK = matchMedia("(prefers-color-scheme: dark)");
const DATA = JSON.parse(document.getElementById("data").textContent);

function variable(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function seriesColor(place) {
  return variable(`--series-${place % DATA.colors.length}`);
}

/** A colour of the light page as it is now; any other stays. */
function themed(color) {
  const place = DATA.colors.indexOf(color);
  return place < 0 ? color : seriesColor(place);
}

/** The layout with the page's colours: axes, legend and what a pointer shows. */
function themedLayout(layout) {
  const ink = variable("--ink"), line = variable("--line"), panel = variable("--panel");
  const axis = (given) => ({ gridcolor: line, zerolinecolor: line, linecolor: line, tickcolor: line, ...given });
  return {
    ...layout,
    paper_bgcolor: panel,
    plot_bgcolor: panel,
    font: { ...layout.font, color: ink },
    hoverlabel: { ...layout.hoverlabel, bgcolor: panel, bordercolor: line, font: { color: ink } },
    xaxis: axis(layout.xaxis),
    yaxis: axis(layout.yaxis),
    dragmode: matchMedia("(pointer: coarse)").matches ? false : "zoom", // a finger scrolls the page
  };
}

function themedTrace(trace) {
  const out = { ...trace };
  for (const part of ["marker", "line"]) {
    if (typeof trace[part]?.color === "string") out[part] = { ...trace[part], color: themed(trace[part].color) };
  }
  return out;
}
