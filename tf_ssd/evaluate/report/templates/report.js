const data = JSON.parse(document.getElementById("data").textContent);
const slider = document.getElementById("slider");
const redraws = [];  // functions of a stop, the place of a threshold in `data.stops`

// Numbers

const ratio = (part, whole) => whole ? part / whole : NaN;
const shown = (value, digits = 2) => Number.isFinite(value) ? value.toFixed(digits) : "–";
// A threshold: two digits, and more only if it has them.
const exact = value => Number(value.toFixed(2)) === value ? value.toFixed(2) : String(Number(value.toPrecision(4)));

// Precision, recall and F1 of a class at a stop; NaN where one is not defined.
function ratesOf(number, stop) {
  const right = data.right[number][stop], wrong = data.wrong[number][stop], objects = data.objects[number];
  return { precision: ratio(right, right + wrong), recall: ratio(right, objects), f1: ratio(2 * right, objects && right + wrong + objects) };
}

// The same of all classes: the means of those that have one.
function meanRates(stop) {
  const all = data.classes.map((_, number) => ratesOf(number, stop));
  const mean = name => {
    const defined = all.map(rates => rates[name]).filter(Number.isFinite);
    return ratio(defined.reduce((sum, value) => sum + value, 0), defined.length);
  };
  return { precision: mean("precision"), recall: mean("recall"), f1: mean("f1") };
}

const means = data.stops.map((_, stop) => meanRates(stop));

// Elements

function filled(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}
const element = (name, attributes = {}, ...children) => filled(document.createElement(name), attributes, children);
const vector = (name, attributes = {}, ...children) =>
  filled(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);

{% include "pictures.js" %}

{% include "plot.js" %}

{% include "charts.js" %}

// What follows the slider

function numbers() {
  const live = name => document.getElementById(`now-${name}`);
  const rows = [...document.querySelectorAll("[data-class]")].map(row => [Number(row.dataset.class), row.querySelectorAll("[data-now]")]);
  redraws.push(stop => {
    const all = means[stop], threshold = exact(data.stops[stop]);
    live("threshold").textContent = threshold;
    for (const name of ["precision", "recall", "f1"]) live(name).textContent = shown(all[name]);
    slider.setAttribute("aria-valuetext", `${threshold}: precision ${shown(all.precision)}, recall ${shown(all.recall)}, F1 ${shown(all.f1)}`);
    for (const [number, cells] of rows) {
      const own = ratesOf(number, stop);
      for (const cell of cells) cell.textContent = shown(own[cell.dataset.now], 3);
    }
  });
}

// The matrix: a cell shows its pictures below.
function matrix() {
  const table = document.getElementById("matrix");
  if (!table) return;
  const place = document.getElementById("cell-pictures"), title = document.getElementById("cell-title"), others = document.getElementById("cell-others");
  const buttons = [...table.querySelectorAll("button")];
  let draw = () => {};
  table.addEventListener("click", event => {
    const button = event.target.closest("button");
    if (!button) return;
    for (const other of buttons) other.setAttribute("aria-pressed", String(other === button));
    const { cards: list, names, unnamed } = data.cells[button.dataset.cell] ?? { cards: [], names: [], unnamed: 0 };
    title.textContent = button.getAttribute("aria-label");
    others.textContent = names.length ? `${list.length ? "Also in" : "In"}: ${names.join(", ")}${unnamed ? ` and ${unnamed} more` : ""}.` : "";
    draw = cards(place, list);
    draw(Number(slider.value));
  });
  redraws.push(stop => draw(stop));
  roving(table, "button", Number(table.dataset.across));
}

function update() {
  const stop = Number(slider.value);
  for (const redraw of redraws) redraw(stop);
}

numbers();
thresholdCharts();
scoreChart();
if (document.getElementById("calibration-chart")) calibrationChart();
sizeCharts();
if (data.training) trainingCharts();
matrix();
for (const name of ["alarms", "misses"]) if (data[name].length) redraws.push(cards(document.getElementById(`${name}-cards`), data[name]));
slider.addEventListener("input", update);
document.getElementById("to-best").addEventListener("click", () => { slider.value = data.start; update(); });
update();
