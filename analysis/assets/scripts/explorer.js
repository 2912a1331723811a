// The front with any two figures on its axes, a budget, and filters.

const EXPLORER = DATA.explorer;
const byId = (id) => document.getElementById(id);
const axisOf = (name) => EXPLORER.axes.findIndex((axis) => axis.name === name);

/** Whether value a of an axis is better than b. */
const beats = (axis, a, b) => (axis.up ? a > b : a < b);
const shown = (value) => Math.abs(value) >= 1000
  ? Math.round(value).toLocaleString("en") : value.toLocaleString("en", { maximumSignificantDigits: 4 });
const shownError = (value) => value.toLocaleString("en", { maximumSignificantDigits: 2 });
const withUnit = (axis, value) => `${shown(value)} ${axis.unit}`.trim();
const titled = (axis) => (axis.unit ? `${axis.title} (${axis.unit})` : axis.title);

/** What is chosen on the page: the places of both axes and the trials that pass the filters and have both numbers. */
function chosen() {
  const x = Number(byId("axis-x").value), y = Number(byId("axis-y").value);
  const passes = (trial) =>
    [...document.querySelectorAll("#filters input:not(:checked)")].every(
      (box) => (trial.settings[box.name] ?? "–") !== box.value);
  const trials = EXPLORER.trials.filter((t) => t.values[x] !== null && t.values[y] !== null && passes(t));
  return { x, y, trials };
}

/** The trials that are best for some budget along x, from the smallest budget on. */
function ladderOf({ x, y, trials }) {
  const [across, up] = [EXPLORER.axes[x], EXPLORER.axes[y]];
  const sign = (axis) => (axis.up ? -1 : 1);
  const order = trials.filter((t) => !t.infeasible).sort((a, b) =>
    sign(across) * (a.values[x] - b.values[x]) || sign(up) * (a.values[y] - b.values[y]) || a.number - b.number);
  const steps = [];
  for (const trial of order) {
    if (!steps.length || beats(up, trial.values[y], steps.at(-1).values[y])) steps.push(trial);
  }
  return steps;
}

function aboutTrial(trial) {
  const settings = Object.entries(trial.settings).map(([name, value]) => `${name} ${value}`).join(" · ");
  const figures = EXPLORER.axes.flatMap((axis, i) => {
    if (trial.values[i] === null) return [];
    const error = trial.errors[i] === null ? "" : ` ± ${shownError(trial.errors[i])}`;
    return [`${axis.title} ${shown(trial.values[i])}${error} ${axis.unit}`.trim()];
  });
  return [`${trial.number}: ${trial.label}`, trial.infeasible, settings, ...figures].filter(Boolean);
}

const escaped = (text) =>
  text.replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]);

function pointsOf(name, trials, { x, y }, color, symbol, more = {}) {
  const errors = (place) => {
    const array = trials.map((t) => t.errors[place]);
    return array.some((e) => e !== null) ? { type: "data", array, thickness: 1.2, width: 3 } : undefined;
  };
  return {
    type: "scatter", mode: "markers", name, x: trials.map((t) => t.values[x]), y: trials.map((t) => t.values[y]),
    error_x: errors(x), error_y: errors(y), customdata: trials.map((t) => t.number), hoverinfo: "text",
    hovertext: trials.map((t) => aboutTrial(t).map(escaped).join("<br>")),
    marker: { symbol, size: 10, color: seriesColor(color) }, ...more,
  };
}

function levelTraces(view) {
  if (EXPLORER.axes[view.y].name !== "score" || !view.trials.length) return [];
  const across = view.trials.map((t) => t.values[view.x]);
  return EXPLORER.levels.map((level, i) => ({
    type: "scatter", mode: "lines", name: escaped(level.name), x: [Math.min(...across), Math.max(...across)],
    y: [level.value, level.value], line: { dash: "dash", width: 2, color: seriesColor(3 + i) }, hoverinfo: "name",
  }));
}

function explorerTraces(view, steps, buys) {
  const ofFront = new Set(steps);
  const shape = EXPLORER.axes[view.x].up ? "vh" : "hv";
  const line = { shape, width: 2, color: seriesColor(1) };
  return [
    pointsOf("other trials", view.trials.filter((t) => !ofFront.has(t) && !t.baseline), view, 0, "circle"),
    pointsOf("front", steps, view, 1, "circle", { mode: "lines+markers", line }),
    pointsOf("baselines", view.trials.filter((t) => t.baseline), view, 2, "diamond"),
    ...levelTraces(view),
    ...(buys ? [pointsOf("for this budget", [buys], view, 2, "circle-open",
      { marker: { symbol: "circle-open", size: 20, color: seriesColor(2), line: { width: 3 } } })] : []),
  ].filter((trace) => trace.x.length);
}

function explorerLayout({ x, y, trials }) {
  const axis = (place) => {
    const values = trials.map((t) => t.values[place]);
    const log = EXPLORER.axes[place].log && values.every((value) => value > 0);
    const wide = log && Math.max(...values) > 300 * Math.min(...values); // room for powers of ten alone
    return { title: { text: escaped(titled(EXPLORER.axes[place])) }, automargin: true,
      type: log ? "log" : "linear", dtick: wide ? 1 : undefined };
  };
  return {
    height: 430, margin: { l: 60, r: 20, t: 20, b: 55 }, hovermode: "closest", showlegend: true,
    legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0 }, hoverlabel: { align: "left" },
    font: { family: "system-ui, sans-serif", size: 13 }, xaxis: axis(x), yaxis: axis(y),
  };
}

/** The step of the front that the budget buys, null where no trial passes; says it on the page. */
function sayBudget(view, steps) {
  const slider = byId("budget"), buys = steps[Number(slider.value)] ?? null;
  const across = EXPLORER.axes[view.x], up = EXPLORER.axes[view.y];
  const most = across.up ? "at least" : "at most";
  byId("budget-name").textContent = `Budget: ${across.title}`;
  slider.disabled = steps.length < 2;
  const amount = buys ? withUnit(across, buys.values[view.x]) : "";
  slider.setAttribute("aria-valuetext", buys ? `${most} ${amount}` : "none");
  byId("buys").textContent = buys
    ? `With ${most} ${amount} (${across.title}), the best ${up.title} is that of trial ${buys.number}, ` +
      `${buys.label}: ${withUnit(up, buys.values[view.y])}.`
    : "No trial passes these filters.";
  byId("buys").dataset.trial = buys ? buys.number : "";
  return buys;
}

function showRun(number) {
  const trial = EXPLORER.trials.find((t) => t.number === number);
  const place = byId("picked");
  place.hidden = false;
  place.textContent = `Trial ${trial.number}, ${trial.label}: run `;
  if (trial.link) {
    const link = document.createElement("a");
    Object.assign(link, { href: trial.link, textContent: trial.run, target: "_blank", rel: "noopener noreferrer" });
    place.append(link);
    link.click();
  } else {
    place.append(trial.run);
  }
}

/** Draws anew; `steady` leaves the budget where it is, otherwise it is as large as can be. */
function drawExplorer(steady) {
  const view = chosen(), steps = ladderOf(view), slider = byId("budget");
  slider.max = Math.max(steps.length - 1, 0);
  if (!steady) {
    const place = steps.findIndex((t) => t.number === EXPLORER.recommended);
    slider.value = place < 0 ? slider.max : place;
  }
  const buys = sayBudget(view, steps);
  const [across, up] = [EXPLORER.axes[view.x].title, EXPLORER.axes[view.y].title];
  byId("title-figure-front").textContent = `${up[0].toUpperCase()}${up.slice(1)} against ${across}`;
  return drawLive("front", explorerTraces(view, steps, buys), explorerLayout(view));
}

function fillControls() {
  for (const [id, name] of [["axis-x", EXPLORER.x], ["axis-y", EXPLORER.y]]) {
    EXPLORER.axes.forEach((axis, i) => byId(id).add(new Option(titled(axis), i)));
    byId(id).value = axisOf(name);
    byId(id).addEventListener("change", () => drawExplorer(false));
  }
  for (const { name, values } of EXPLORER.filters) byId("filters").append(filterOf(name, values));
  byId("filters").addEventListener("change", () => drawExplorer(false));
  byId("budget").addEventListener("input", () => drawExplorer(true));
}

function filterOf(name, values) {
  const set = document.createElement("fieldset"), legend = document.createElement("legend");
  const boxes = document.createElement("div");
  legend.textContent = name;
  boxes.className = "boxes";
  for (const value of values) {
    const label = document.createElement("label"), box = document.createElement("input");
    Object.assign(box, { type: "checkbox", checked: true, name, value });
    label.append(box, value === "–" ? "none" : value);
    boxes.append(label);
  }
  set.append(legend, boxes);
  return set;
}

function startExplorer() {
  if (!byId("explorer") || EXPLORER.x === null || EXPLORER.y === null) return;
  fillControls();
  byId("explorer").hidden = false;
  drawExplorer(false).then((live) => live.on("plotly_click", (e) => {
    if (e.points[0].customdata !== undefined) showRun(e.points[0].customdata);
  }));
}
