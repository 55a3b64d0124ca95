"use strict";
// Makes of the entries of a list one stop of the Tab key: arrow keys, Home and End go from one that is shown to another.
// `across` is how many entries stand in a row. Returns a function that makes the first entry the stop.
function roving(list, selector, across = 1) {
  const all = () => [...list.querySelectorAll(selector)];
  const shown = () => all().filter(entry => entry.checkVisibility());
  const choose = chosen => { for (const entry of all()) entry.tabIndex = entry === chosen ? 0 : -1; };
  const first = () => choose(shown()[0]);
  const moves = { ArrowDown: across, ArrowUp: -across, ...(across > 1 ? { ArrowRight: 1, ArrowLeft: -1 } : {}) };
  list.addEventListener("focusin", event => { if (all().includes(event.target)) choose(event.target); });
  list.addEventListener("keydown", event => {
    const entries = shown(), at = entries.indexOf(event.target);
    const to = { Home: 0, End: entries.length - 1 }[event.key] ?? at + moves[event.key];
    if (at < 0 || !entries[to]) return;
    event.preventDefault();
    entries[to].focus();
  });
  first();
  return first;
}
