// Puts plotly's drawing in the place of a still one.

// No bar of buttons: one of plotly offers to upload a chart, and none is needed to read it.
const CONFIG = { displayModeBar: false, responsive: true, plotlyServerURL: "" };

/** The element that plotly draws in, inside the place of the plot of that name. */
function livePlace(name) {
  const place = document.querySelector(`.drawing[data-plot="${CSS.escape(name)}"]`);
  let live = place.querySelector(":scope > .live");
  if (!live) {
    live = document.createElement("div");
    live.className = "live";
    place.append(live);
    place.classList.add("lively");
  }
  return live;
}

function drawLive(name, traces, layout) {
  const live = livePlace(name);
  return Plotly.react(live, traces.map(themedTrace), themedLayout(layout), CONFIG).then(() => live);
}

function drawPlots() {
  DATA.names.forEach((name, i) => drawLive(name, DATA.plots[i].data, DATA.plots[i].layout));
}
