function thresholdCharts() {
  const choice = document.getElementById("of-class");
  const over = plot("over-threshold", data.range, [0, 1], scoreTicks, tenths, "score threshold");
  const curve = plot("precision-recall", [0, 1], [0, 1], tenths, tenths, "recall");
  const draw = stop => {
    const number = choice.value === "" ? null : Number(choice.value);
    const all = data.stops.map((threshold, place) => ({ threshold, ...(number === null ? means[place] : ratesOf(number, place)) })), now = all[stop];
    over.content.replaceChildren(over.upright(now.threshold),
      ...["precision", "recall", "f1"].map(name => over.path(all.map(rate => [rate.threshold, rate[name]]), name)));
    curve.content.replaceChildren(curve.path(all.map(rate => [rate.recall, rate.precision]), "precision"));
    if (Number.isFinite(now.precision) && Number.isFinite(now.recall)) {
      curve.content.append(curve.dot(now.recall, now.precision, 4.5, `threshold ${exact(now.threshold)}`));
    }
  };
  choice.addEventListener("change", () => draw(Number(slider.value)));
  redraws.push(draw);
}

function scoreChart() {
  const { right, wrong } = data.scores, most = Math.max(...right, ...wrong, 9);
  const log = count => Math.log10(1 + count), top = log(most) * 1.05;
  const marks = [0, 10, 100, 1000, 10000, 100000, 1000000].filter(count => log(count) <= top);
  const chart = plot("scores-chart", data.range, [0, top], scoreTicks, labelled(marks).map(([count, text]) => [log(count), text]), "score");
  const steps = counts => counts.flatMap((count, place) => [[scored(place / counts.length), log(count)], [scored((place + 1) / counts.length), log(count)]]);
  redraws.push(stop => chart.content.replaceChildren(chart.upright(data.stops[stop]), chart.path(steps(wrong), "wrong"), chart.path(steps(right), "right")));
}

function calibrationChart() {
  const { score, precision } = data.calibration;
  const chart = plot("calibration-chart", [0, 1], [0, 1], tenths, tenths, "score");
  chart.content.append(chart.path([[0, 0], [1, 1]], "ideal"), chart.path(score.map((mean, place) => [mean ?? NaN, precision[place] ?? NaN]), "precision"));
  score.forEach((mean, place) => {
    if (mean !== null) chart.content.append(chart.dot(mean, precision[place], 3, `${data.calibration.counts[place]} detections of a mean score of ${shown(mean)}: ${shown(precision[place])} are right`));
  });
}

function sizeCharts() {
  const { names, objects, found, covered } = data.sizes, slots = names.map((name, place) => [place + 0.5, name.replace("below ", "< ").replace(" to ", "–").replace("from ", "≥ ")]);
  const most = Math.max(...objects, 1), marks = rounded(most).filter(Number.isInteger);
  const counts = plot("sizes-chart", [0, names.length], [0, most], slots, labelled(marks), `side of an object in ${data.sizes.unit}`);
  redraws.push(stop => counts.content.replaceChildren(...objects.flatMap((count, place) => {
    const hits = found[place][stop];
    return [counts.bar(place + 0.15, place + 0.85, 0, hits, "right", `${names[place]}: ${hits} of ${count} found`),
      counts.bar(place + 0.15, place + 0.85, hits, count, "missed", `${names[place]}: ${count - hits} of ${count} missed`)];
  })));
  if (!covered) return;
  const shares = plot("coverage-chart", [0, names.length], [0, 1], slots, tenths, `side of an object in ${data.sizes.unit}`);
  redraws.push(stop => shares.content.replaceChildren(...objects.flatMap((count, place) => count === 0 ? [] : [
    shares.bar(place + 0.14, place + 0.49, 0, covered[place], "covered", `${names[place]}: ${shown(covered[place])} have a default box`),
    shares.bar(place + 0.51, place + 0.86, 0, found[place][stop] / count, "right", `${names[place]}: ${shown(found[place][stop] / count)} are found`)])));
}

function trainingCharts() {
  const { losses, evaluations } = data.training, last = Math.max(...losses.step, ...evaluations.step, 1);
  const steps = labelled(rounded(last)), top = data.training.top;
  const loss = plot("loss-chart", [0, last], [0, top], steps, labelled(rounded(top)), "step");
  for (const name of ["total", "localization", "confidence"]) {
    loss.content.append(loss.path(losses.step.map((step, place) => [step, Math.min(losses[name][place] ?? NaN, top)]), name));
  }
  const precision = plot("evaluations-chart", [0, last], [0, 1], steps, tenths, "step");
  precision.content.append(precision.path(evaluations.step.map((step, place) => [step, evaluations.mean_ap[place] ?? NaN]), "precision"));
  evaluations.step.forEach((step, place) => {
    const mean = evaluations.mean_ap[place];
    if (mean !== null) precision.content.append(precision.dot(step, mean, 3, `step ${step}: ${shown(mean, 3)}`));
  });
}

