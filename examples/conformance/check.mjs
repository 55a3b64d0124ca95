// Check ssd.mjs against a folder that `python -m tf_ssd.audit --export FOLDER` wrote:
//
//     node examples/conformance/check.mjs FOLDER
//
// It prints how many vectors pass, and each that does not; the exit code is 1 if one does not.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as ssd from "./ssd.mjs";

const VERSION = 3;
const TOLERANCE = 1e-9; // relative and absolute: sums may be in any order

const number = (value) => (typeof value === "string" ? Number(value) : value); // "NaN", "Infinity", "-Infinity"

// An array of the file as nested arrays.
function nested({ shape, values }) {
  if (shape.length === 0) return number(values[0]);
  const [first, ...rest] = shape;
  const size = rest.reduce((product, length) => product * length, 1);
  return Array.from({ length: first }, (_, k) => nested({ shape: rest, values: values.slice(k * size, (k + 1) * size) }));
}

function near(a, b) {
  if (Array.isArray(b)) return Array.isArray(a) && a.length === b.length && b.every((each, k) => near(a[k], each));
  if (Number.isNaN(number(b))) return Number.isNaN(a);
  return Object.is(a, b) || a === b || Math.abs(a - b) <= TOLERANCE * (1 + Math.abs(b));
}

const operations = {
  "boxes.iou": ({ a, b }) => ({ overlap: a.map((first) => b.map((second) => ssd.iou(first, second))) }),
  "boxes.area": ({ boxes }) => ({ area: boxes.map(ssd.area) }),
  "boxes.to_cxcywh": ({ boxes }) => ({ boxes: boxes.map(ssd.toCxcywh) }),
  "boxes.to_xyxy": ({ boxes }) => ({ boxes: boxes.map(ssd.toXyxy) }),
  "default_boxes.default_boxes": (_, settings) => ({ default_boxes: ssd.defaultBoxes(settings) }),
  "coder.encode": ({ boxes, default_boxes }) => ({ offsets: boxes.map((box, k) => ssd.encode(box, default_boxes[k])) }),
  "coder.decode": ({ offsets, default_boxes }, { max_log_scale }) => ({
    boxes: offsets.map((row, k) => ssd.decode(row, default_boxes[k], undefined, max_log_scale)),
  }),
  "matcher.match": ({ gt_boxes, gt_labels, default_boxes }, settings) => ({
    rows: gt_boxes.map((boxes, image) => ssd.match(boxes, gt_labels[image], default_boxes, settings)),
  }),
  "loss.hard_negative_mask": ({ logits, target_labels }, settings) => ({
    mined: logits.map((rows, image) => ssd.mine(rows, target_labels[image], settings).map(Number)),
  }),
  "loss.multibox_loss": ({ offsets, logits, target_offsets, target_labels }, settings) =>
    ssd.multiboxLoss(
      offsets.map((rows, k) => ({ offsets: rows, logits: logits[k], targets: target_offsets[k], labels: target_labels[k] })),
      settings,
    ),
  "detect.detect": ({ offsets, logits, default_boxes }, settings) => {
    const images = offsets.map((rows, image) => ssd.detect(rows, logits[image], default_boxes, settings));
    const column = (name, zero) =>
      images.map((found) => Array.from({ length: settings.max_detections }, (_, k) => found[k]?.[name] ?? zero));
    const boxes = column("box", [0, 0, 0, 0]);
    return { boxes, labels: column("label", 0), scores: column("score", 0), count: images.map((found) => found.length) };
  },
};

// What ssd.mjs gives is compared; outputs that it does not have, such as gradients, are not.
function operationPasses({ operation, inputs, settings, outputs }) {
  const arrays = Object.fromEntries(Object.entries(inputs).map(([name, array]) => [name, nested(array)]));
  const found = operations[operation](arrays, settings);
  return Object.entries(found).every(([name, value]) => near(value, nested(outputs[name])));
}

function coderPasses(vector) {
  const [values, defaults, expected] = [vector.values, vector.default_boxes, vector.expected].map(nested);
  const code = vector.operation === "encode" ? ssd.encode : ssd.decode;
  return near(values.map((row, k) => code(row, defaults[k])), expected);
}

// A case of the audit: the same default boxes matched, the same negatives mined, the same loss.
function casePasses(vector) {
  const defaults = nested(vector.default_boxes);
  const settings = { ...vector.settings, scores: vector.scores };
  const images = vector.images.map(({ gt_boxes, gt_labels, offsets, logits }) => {
    const [boxes, rows] = [nested(gt_boxes), ssd.match(nested(gt_boxes), gt_labels, defaults)];
    const labels = rows.map((row) => (row === ssd.NO_ROW ? 0 : gt_labels[row]));
    const targets = rows.map((row, k) => (row === ssd.NO_ROW ? [0, 0, 0, 0] : ssd.encode(boxes[row], defaults[k])));
    return { rows, offsets: nested(offsets), logits: nested(logits), labels, targets };
  });
  const loss = ssd.multiboxLoss(images, settings);
  if (vector.must_not_be_finite) return !Number.isFinite(loss.total);
  const selected = vector.images.every(
    ({ matched_row, mined }, k) =>
      near(images[k].rows, matched_row) &&
      near(ssd.mine(images[k].logits, images[k].labels, settings).map(Number), mined.map(Number)),
  );
  return selected && ["total", "localization", "confidence"].every((name) => near(loss[name], number(vector[name])));
}

const checks = { loss: casePasses, coder: coderPasses, operation: operationPasses };
const folder = process.argv[2];
const read = (...path) => JSON.parse(readFileSync(join(folder, ...path), "utf-8"));
const index = read("index.json");
if (index.version !== VERSION) throw new Error(`version ${index.version}, where ${VERSION} is known`);
const vectors = ["cases", "operations"].flatMap((kind) => index[kind].map((name) => read(kind, `${name}.json`)));
const failed = vectors.filter((vector) => !checks[vector.type](vector));
failed.forEach(({ name }) => console.log(`fails: ${name}`));
console.log(`${vectors.length - failed.length} of ${vectors.length} vectors pass (specification ${index.specification})`);
process.exitCode = failed.length ? 1 : 0;
