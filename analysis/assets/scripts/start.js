// Unpacks plotly.js and draws; where a browser cannot, the still drawings stay.

async function unpackPlotly() {
  const packed = Uint8Array.from(atob(byId("plotly").textContent), (c) => c.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  const script = document.createElement("script");
  script.textContent = await new Response(stream).text();
  document.head.append(script);
  script.remove();
}

async function start() {
  document.querySelectorAll("table.sortable").forEach(makeSortable);
  if (typeof DecompressionStream === "undefined") return;
  await unpackPlotly();
  drawPlots();
  startExplorer();
  DARK.addEventListener("change", () => {
    drawPlots();
    if (byId("explorer") && !byId("explorer").hidden) drawExplorer(true);
  });
  document.documentElement.dataset.drawn = "yes";
}

start();
