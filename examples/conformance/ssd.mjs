// The core of an SSD in plain JavaScript, written from docs/specification.md alone: proof that rules and vectors suffice.
// Boxes are arrays of four numbers, fractions of the image: xyxy, or cxcywh where that is said. All numbers are float64.

export const NO_ROW = -1;
export const IGNORED = -100; // a label that is neither to be found nor background

// R-BOX-1
export const toXyxy = ([x, y, width, height]) => [x - width / 2, y - height / 2, x + width / 2, y + height / 2];
export const toCxcywh = ([xmin, ymin, xmax, ymax]) => [(xmin + xmax) / 2, (ymin + ymax) / 2, xmax - xmin, ymax - ymin];

// R-BOX-2. A comparison with NaN is false, so that a box with a NaN corner has no area.
const positive = (x) => (x > 0 ? x : 0);
export const area = ([xmin, ymin, xmax, ymax]) => positive(xmax - xmin) * positive(ymax - ymin);

// R-IOU-1 to R-IOU-5
export function iou(a, b) {
  if (!(area(a) > 0 && area(b) > 0)) return 0;
  const width = positive(Math.min(a[2], b[2]) - Math.max(a[0], b[0]));
  const height = positive(Math.min(a[3], b[3]) - Math.max(a[1], b[1]));
  return (width * height) / (area(a) + area(b) - width * height);
}

// R-DEF-1, R-DEF-2, R-DEF-4: cxcywh in the order map, row, column, shape.
export function defaultBoxes({ image_size, feature_maps, steps, offset, clip, shapes }) {
  const boxes = [];
  feature_maps.forEach((cells, map) => {
    for (let row = 0; row < cells; row++)
      for (let column = 0; column < cells; column++)
        for (const [width, height] of shapes[map]) {
          const centre = [column, row].map((cell) => ((cell + offset) * steps[map]) / image_size);
          boxes.push(clipped([...centre, width / image_size, height / image_size], clip));
        }
  });
  return boxes;
}

function clipped(box, rule) {
  if (rule === "size") return [box[0], box[1], Math.min(box[2], 1), Math.min(box[3], 1)];
  return rule === "cxcywh" ? box.map((x) => Math.min(Math.max(x, 0), 1)) : box;
}

// R-COD-1 to R-COD-3
export function encode(xyxy, [dx, dy, dw, dh], [centre, size] = [0.1, 0.2]) {
  const [x, y, width, height] = toCxcywh(xyxy);
  return [(x - dx) / dw / centre, (y - dy) / dh / centre, Math.log(width / dw) / size, Math.log(height / dh) / size];
}

// R-COD-4, R-COD-5
export function decode([tx, ty, tw, th], [dx, dy, dw, dh], [centre, size] = [0.1, 0.2], limit = Math.log(1000 / 16)) {
  const scale = (t) => Math.exp(limit === null ? t * size : Math.min(t * size, limit));
  return toXyxy([tx * centre * dw + dx, ty * centre * dh + dy, scale(tw) * dw, scale(th) * dh]);
}

// R-MAT-1 to R-MAT-11, R-MAT-13: the row of each default box.
export function match(boxes, labels, defaults, { threshold = 0.5, strategy = "bipartite" } = {}) {
  const corners = defaults.map(toXyxy);
  const rows = [...boxes.keys()].filter((row) => (labels[row] > 0 || labels[row] === IGNORED) && area(boxes[row]) > 0);
  const claiming = rows.filter((row) => labels[row] !== IGNORED);
  const overlaps = new Map(rows.map((row) => [row, corners.map((corner) => iou(boxes[row], corner))]));
  const claims = (strategy === "argmax" ? claimBest : claimInPairs)(claiming, overlaps, corners.length);
  return claims.map((claim, box) => (claim !== NO_ROW ? claim : rowByThreshold(rows, overlaps, box, threshold)));
}

function claimInPairs(rows, overlaps, count) {
  const claims = Array(count).fill(NO_ROW);
  const waiting = new Set(rows);
  for (;;) {
    let best = { overlap: 1e-6 };
    for (const row of waiting)
      for (let box = 0; box < count; box++)
        if (claims[box] === NO_ROW && overlaps.get(row)[box] > best.overlap) best = { row, box, overlap: overlaps.get(row)[box] };
    if (best.row === undefined) return claims;
    claims[best.box] = best.row;
    waiting.delete(best.row);
  }
}

function claimBest(rows, overlaps, count) {
  const claims = Array(count).fill(NO_ROW);
  for (const row of rows) claims[overlaps.get(row).indexOf(Math.max(...overlaps.get(row)))] = row;
  return claims;
}

function rowByThreshold(rows, overlaps, box, threshold) {
  let best = { row: NO_ROW, overlap: 0 };
  for (const row of rows) if (overlaps.get(row)[box] > best.overlap) best = { row, overlap: overlaps.get(row)[box] };
  return best.overlap >= threshold ? best.row : NO_ROW;
}

// R-SCO-1, R-SCO-3
export function crossEntropy(logits, label, scores = "softmax") {
  if (!(label in logits)) return NaN;
  if (scores === "sigmoid") return sum(logits.map((z, slot) => softplus(slot === label ? -z : z)));
  const largest = Math.max(...logits);
  return largest - logits[label] + Math.log(sum(logits.map((z) => Math.exp(z - largest))));
}

const sum = (values) => values.reduce((total, value) => total + value, 0);
const softplus = (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

// R-MIN-1 to R-MIN-7: whether each box of an image is mined.
export function mine(logits, labels, { negative_ratio = 3, min_negatives = 0, scores = "softmax" } = {}) {
  const background = [...labels.keys()].filter((box) => labels[box] === 0);
  const positives = labels.filter((label) => label > 0).length;
  const hardness = background.map((box) => crossEntropy(logits[box], 0, scores)).map((cost) => (isNaN(cost) ? Infinity : cost));
  const order = [...background.keys()].sort((a, b) => (hardness[a] === hardness[b] ? a - b : hardness[b] > hardness[a] ? 1 : -1));
  const mined = new Set(order.slice(0, Math.max(negative_ratio * positives, min_negatives)).map((place) => background[place]));
  return labels.map((_, box) => mined.has(box));
}

// R-LOSS-1 to R-LOSS-10, R-LOSS-13 and R-LOSS-14, for a batch of images {offsets, logits, targets, labels}.
export function multiboxLoss(images, { alpha = 1, normalizer = "batch", class_weights, ...mining } = {}) {
  const sums = images.map((image) => imageSums(image, mining, class_weights ?? image.logits[0].map(() => 1)));
  const positives = sum(sums.map((each) => each.positives));
  const parts = ["localization", "confidence"].map((name) =>
    normalizer === "image"
      ? sum(sums.map((each) => each[name] / Math.max(each.positives, 1))) / sums.length
      : sum(sums.map((each) => each[name])) / Math.max(positives, 1),
  );
  return { total: parts[1] + alpha * parts[0], localization: parts[0], confidence: parts[1], num_positives: positives };
}

function imageSums({ offsets, logits, targets, labels }, mining, weights) {
  const mined = mine(logits, labels, mining);
  const sums = { localization: 0, confidence: 0, positives: labels.filter((label) => label > 0).length };
  labels.forEach((label, box) => {
    const known = label === IGNORED ? 0 : label;
    const cost = weights[known] * crossEntropy(logits[box], known, mining.scores);
    if (label > 0) sums.localization += sum(offsets[box].map((x, side) => smoothL1(x - targets[box][side])));
    if (label > 0 || mined[box] || isNaN(cost)) sums.confidence += cost;
  });
  return sums;
}

const smoothL1 = (x) => (Math.abs(x) < 1 ? (x * x) / 2 : Math.abs(x) - 0.5);

// R-DET-4: places of the boxes that stay, the boxes being given by descending score.
export function suppress(boxes, threshold) {
  const kept = [];
  boxes.forEach((box, place) => {
    if (kept.every((better) => iou(boxes[better], box) <= threshold)) kept.push(place);
  });
  return kept;
}

// R-DET-1 to R-DET-7, for one image; returns {label, score, box} by descending score.
export function detect(offsets, logits, defaults, options = {}) {
  const { score_threshold = 0.01, iou_threshold = 0.45, top_k = 400, max_detections = 200, scores = "softmax" } = options;
  const boxes = offsets.map((row, k) => decode(row, defaults[k]).map((x) => Math.min(Math.max(x, 0), 1)));
  const probabilities = logits.map((row) => (scores === "sigmoid" ? row.map((z) => 1 / (1 + Math.exp(-z))) : softmax(row)));
  const found = candidates(boxes, probabilities, score_threshold, options.class_agnostic).flatMap((set) => {
    const best = set.sort(byScore).slice(0, top_k);
    return suppress(best.map((each) => each.box), iou_threshold).map((place) => best[place]);
  });
  return found.sort(byScore).slice(0, max_detections);
}

// Array.sort is stable: of equal scores the one that came first stays first.
const byScore = (a, b) => b.score - a.score;

function softmax(logits) {
  const largest = Math.max(...logits);
  const weights = logits.map((z) => Math.exp(z - largest));
  return weights.map((weight) => weight / sum(weights));
}

// The sets that suppression looks at: one for each class, or one of all.
function candidates(boxes, probabilities, threshold, agnostic = false) {
  const classes = [...probabilities[0].keys()].slice(1);
  const sets = classes.map((label) =>
    boxes
      .map((box, k) => ({ label, box, score: probabilities[k][label], k }))
      .filter(({ score, box }) => score > threshold && area(box) > 0),
  );
  if (!agnostic) return sets;
  const best = new Map();
  for (const each of sets.flat()) if (!best.has(each.k) || each.score > best.get(each.k).score) best.set(each.k, each);
  return [[...best.values()].sort((a, b) => a.k - b.k)];
}
