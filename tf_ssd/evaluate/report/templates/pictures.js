const box = ([x, y, width, height], kind, title) => {
  const rectangle = { x, y, width, height };
  return vector("g", { class: `box ${kind}` }, vector("title", {}, title), vector("rect", { ...rectangle, class: "halo" }), vector("rect", rectangle));
};

// A card about one detection (of `found`) or one object (of `truth`) of a picture, and what draws its boxes at a stop.
function card([number, side, row, words]) {
  const { name, src, width, height, found, truth } = data.pictures[number];
  const about = side === "found" ? found[row] : truth[row];
  const overlay = vector("svg", { viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
  const state = element("span", { class: "state" });
  const named = ([,,,, label, , , score]) => data.classes[label - 1] + (score === undefined ? "" : ` ${shown(score)}`), title = named(about);
  const figure = element("figure", { class: "card" },
    element("div", { class: "frame" }, element("img", { src, width, height, alt: `${name}: ${title}, ${words}` }), overlay),
    element("figcaption", {}, element("b", {}, title), ` ${words} `, state, element("span", { class: "file" }, name)));
  const draw = stop => {
    const objects = truth.map((object, place) => {
      const kind = object[6] ? "left" : stop < object[5] ? "hit" : "missed";
      return [object === about, () => box(object, `${kind}${object === about ? " about" : ""}`, `an object: ${named(object)}`)];
    });
    const detections = found.filter(detection => stop < detection[5]).map(detection =>
      [detection === about, () => box(detection, `${data.styles[detection[6]]}${detection === about ? " about" : ""}`, named(detection))]);
    const all = [...objects, ...detections.reverse()];  // they come by falling score: the best lies on top
    overlay.replaceChildren(...all.filter(([chosen]) => !chosen).map(([, made]) => made()), ...all.filter(([chosen]) => chosen).map(([, made]) => made()));
    const over = side === "found" ? stop >= about[5] : stop < about[5];
    figure.classList.toggle("over", over);
    state.textContent = !over ? "" : side === "found" ? "Not above the threshold. " : "Found at this threshold. ";
  };
  return { figure, draw };
}

function cards(place, list) {
  const made = list.map(card);
  place.replaceChildren(...made.map(({ figure }) => figure));
  return stop => { for (const { draw } of made) draw(stop); };
}

