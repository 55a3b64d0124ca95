const WIDTH = 360, HEIGHT = 220, LEFT = 40, RIGHT = 12, TOP = 12, BOTTOM = 36;

// Draws the axes of a chart; `x` and `y` are the ends of their ranges, ticks are pairs of a value and its text.
function plot(id, x, y, xTicks, yTicks, name) {
  const scale = ([low, high], from, to) => value => from + (value - low) / (high - low || 1) * (to - from);
  const across = scale(x, LEFT, WIDTH - RIGHT), up = scale(y, HEIGHT - BOTTOM, TOP);
  const root = document.getElementById(id), content = vector("g");
  root.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
  for (const [value, text] of yTicks) {
    root.append(vector("path", { class: "grid", d: `M${LEFT} ${up(value)}H${WIDTH - RIGHT}` }),
      vector("text", { x: LEFT - 6, y: up(value) + 3.5, "text-anchor": "end" }, text));
  }
  for (const [value, text] of xTicks) root.append(vector("text", { x: across(value), y: HEIGHT - BOTTOM + 15, "text-anchor": "middle" }, text));
  root.append(vector("text", { x: (LEFT + WIDTH - RIGHT) / 2, y: HEIGHT - 4, "text-anchor": "middle", class: "name" }, name), content);
  const path = (points, kind) => {
    let drawn = "", pen = "M";
    for (const [a, b] of points) {
      if (Number.isFinite(a) && Number.isFinite(b)) { drawn += `${pen}${across(a).toFixed(1)} ${up(b).toFixed(1)}`; pen = "L"; } else pen = "M";
    }
    return vector("path", { d: drawn, class: `curve ${kind}` });
  };
  const bar = (from, to, low, high, kind, title) => vector("rect", { class: `fill ${kind}`, x: across(from), y: up(high),
    width: Math.max(0, across(to) - across(from)), height: Math.max(0, up(low) - up(high)) }, vector("title", {}, title));
  const dot = (a, b, r, title) => vector("circle", { class: "dot", cx: across(a), cy: up(b), r }, vector("title", {}, title));
  const upright = value => vector("path", { class: "now", d: `M${across(value)} ${TOP}V${HEIGHT - BOTTOM}` });
  return { content, path, bar, dot, upright };
}

const tenths = [0, 0.2, 0.4, 0.6, 0.8, 1].map(value => [value, String(value)]);
const [lowest, highest] = data.range;
const scored = part => lowest + part * (highest - lowest);
const scoreTicks = lowest === 0 && highest === 1 ? tenths : [0, 0.25, 0.5, 0.75, 1].map(scored).map(value => [value, String(Number(value.toPrecision(3)))]);
const rounded = most => {  // up to six numbers from 0 to `most`, at a round distance
  const power = 10 ** Math.floor(Math.log10(most / 5)), step = power * [1, 2, 5, 10].find(digit => digit * power * 5 >= most);
  return Array.from({ length: Math.floor(most / step) + 1 }, (_, place) => Number((place * step).toPrecision(6)));
};
const labelled = values => values.map(value => [value, value >= 10000 ? `${value / 1000}k` : String(value)]);

