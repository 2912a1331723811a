// The front with any two figures on its axes, a budget, and filters.

const EXPLORER = DATA.explorer;
const byId = (id) => document.getElementById(id);
const BASELINES = new Set(EXPLORER.baselines);
const axisOf = (name) => EXPLORER.axes.findIndex((axis) => axis.name === name);

/** Whether value a of an axis is better than b. */
const beats = (axis, a, b) => (axis.up ? a > b : a < b);
const titled = (axis) => (axis.unit ? `${axis.title} (${axis.unit})` : axis.title);

/** What is chosen on the page: the places of both axes and the trials that pass the filters and have both numbers. */
function chosen() {
  const x = Number(byId("axis-x").value), y = Number(byId("axis-y").value);
  const passes = (trial) =>
    [...document.querySelectorAll("#filters input:not(:checked)")].every(
      (box) => trial.settings[EXPLORER.settings.indexOf(box.name)] !== box.value);
  const trials = EXPLORER.trials.filter((t) => t.values[x] !== null && t.values[y] !== null && passes(t));
  return { x, y, trials };
}

/** The trials that no other beats in both figures, along x. */
function frontOf({ x, y, trials }) {
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

const ABREAST = 3; // settings or figures in a line
const inLines = (parts) => parts.flatMap((_, i) => (i % ABREAST ? [] : [parts.slice(i, i + ABREAST).join(" · ")]));

/** The names and the texts beside them, without what has none. */
const named = (names, texts, join = " ") => names.flatMap((name, i) => ((texts[i] ?? null) === null ? [] : [name + join + texts[i]]));

/** What a reader sees of a trial that is pointed at, line by line. */
function aboutTrial(trial) {
  const figures = (first) => named(EXPLORER.axes.map((axis) => axis.short),
    trial.texts.map((text, i) => (EXPLORER.axes[i].first === first ? text : null)));
  return [`${trial.number}: ${trial.label}`, ...(trial.infeasible ? [trial.infeasible] : []), ...inLines(named(EXPLORER.keys, trial.chosen)), ...figures(true),
    ...inLines(named(EXPLORER.probabilities, trial.sure, ": ")), ...inLines(figures(false))];
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

/** The trial to take, with a star, and that for the budget, with a ring; a ring goes where there is another star. */
function markTraces(view, step) {
  const drawn = (number) => view.trials.filter((t) => t.number === number);
  const mark = (name, number, symbol, size) => pointsOf(name, drawn(number), view, 2, symbol, {
    error_x: undefined, error_y: undefined,
    marker: { symbol, size, color: seriesColor(2), line: { width: symbol === "star" ? 0 : 3 } } });
  return [mark(EXPLORER.mark, EXPLORER.recommended, "star", 16), mark("within this budget", step?.trial, "circle-open", 22)];
}

function explorerTraces(view, front, step) {
  const ofFront = new Set(front);
  const shape = EXPLORER.axes[view.x].up ? "vh" : "hv";
  const line = { shape, width: 2, color: seriesColor(1) };
  return [
    pointsOf("other trials", view.trials.filter((t) => !ofFront.has(t) && !BASELINES.has(t.number)), view, 0, "circle"),
    pointsOf("front", front, view, 1, "circle", { mode: "lines+markers", line }),
    pointsOf("baselines", view.trials.filter((t) => BASELINES.has(t.number)), view, 2, "diamond"),
    ...levelTraces(view),
    ...markTraces(view, step),
  ].filter((trace) => trace.x.length);
}

/** Powers of ten where there are many, else 1, 2 and 5 times them, written out: plotly itself would call 200 a 2. */
function logTicks(low, high) {
  if (high > 300 * low) return { dtick: 1 };
  const powers = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) powers.push(power);
  const tickvals = powers.flatMap((power) => [1, 2, 5].map((digit) => Number(`${digit}e${power}`)))
    .filter((tick) => low <= tick && tick <= high);
  return { tickvals, ticktext: tickvals.map((tick) => tick.toLocaleString("en", { maximumSignificantDigits: 6 })) };
}

function explorerLayout({ x, y, trials }) {
  const axis = (place) => {
    const values = trials.map((t) => t.values[place]);
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const log = EXPLORER.axes[place].log && low > 0 && high > 5 * low; // else no round number may lie between
    return { title: { text: escaped(titled(EXPLORER.axes[place])) }, automargin: true, separatethousands: true, exponentformat: "none",
      type: log ? "log" : "linear", ...(log ? logTicks(low, high) : {}) };
  };
  return {
    height: 430, margin: { l: 60, r: 20, t: 20, b: 55 }, hovermode: "closest", showlegend: true,
    legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0 }, hoverlabel: { align: "left" },
    font: { family: "system-ui, sans-serif", size: 13 }, xaxis: axis(x), yaxis: axis(y),
  };
}

const NO_BUDGET = { steps: [], note: "" };
const budgetAcross = (view) => EXPLORER.budgets[EXPLORER.axes[view.x].name] ?? NO_BUDGET;

/** The step at which the slider stands, null where no budget is of what stands across; says it on the page. */
function sayBudget(view) {
  const slider = byId("budget"), { steps, note } = budgetAcross(view), step = steps[Number(slider.value)] ?? null;
  byId("budget-name").textContent = `Budget: ${EXPLORER.axes[view.x].title}`;
  slider.disabled = steps.length < 2;
  slider.setAttribute("aria-valuetext", step ? step.bound : "none");
  byId("buys").textContent = step ? [step.said, note].filter(Boolean).join(" ") : "A budget is a bound on a cost: let one stand across.";
  byId("buys").dataset.trial = step?.trial ?? "";
  return step;
}

function showRun(number) {
  const trial = EXPLORER.trials.find((t) => t.number === number);
  const place = byId("picked");
  place.hidden = false;
  place.textContent = `Trial ${trial.number}, ${trial.label}: run `;
  const link = document.createElement("a");
  const href = EXPLORER.runs.replace("/runs/?", () => `/runs/${trial.run}?`);
  Object.assign(link, { href, textContent: trial.run, target: "_blank", rel: "noopener noreferrer" });
  place.append(link);
  if (EXPLORER.ui) place.append(`, which opens while this runs: ${EXPLORER.ui}`);
  else link.click();
}

/** Draws anew; `steady` leaves the budget where it is, otherwise it is as large as can be. */
function drawExplorer(steady) {
  const view = chosen(), slider = byId("budget");
  slider.max = Math.max(budgetAcross(view).steps.length - 1, 0);
  if (!steady) slider.value = slider.max;
  const step = sayBudget(view);
  const [across, up] = [EXPLORER.axes[view.x].title, EXPLORER.axes[view.y].title];
  byId("title-figure-front").textContent = `${up[0].toUpperCase()}${up.slice(1)} against ${across}`;
  return drawLive("front", explorerTraces(view, frontOf(view), step), explorerLayout(view));
}

function fillControls() {
  for (const [id, name] of [["axis-x", EXPLORER.x], ["axis-y", EXPLORER.y]]) {
    EXPLORER.axes.forEach((axis, i) => byId(id).add(new Option(titled(axis), i)));
    byId(id).value = axisOf(name);
    byId(id).addEventListener("change", () => drawExplorer(false));
  }
  for (const { name, values } of EXPLORER.filters) byId("filters").append(filterOf(name, values));
  byId("filters").addEventListener("change", () => drawExplorer(true));
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
