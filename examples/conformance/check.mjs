// Check ssd.mjs against a folder that `python -m tf_ssd.audit --export FOLDER` wrote:
//
//     node examples/conformance/check.mjs FOLDER
//
// It prints how many vectors pass, and each that does not. The exit code is 0 if all pass, 1 if one does not, and 2 if the folder
// is missing, damaged or of another version, which one line on standard error says.
//
// Of a case it compares matched rows, mined negatives, the total and its two terms, or encoded or decoded boxes; of a loss that
// must not be finite only that it is not; of an operation all results. It compares no gradients, which ssd.mjs does not compute,
// and reads no networks.

import { about, demand, nested, number, readFolder, Unusable } from "./folder.mjs";
import * as ssd from "./ssd.mjs";

const TOLERANCE = 1e-9; // relative and absolute: sums may be in any order

// NaN and infinities must be equal, finite numbers near. Only a number is near a number.
function near(a, b) {
  if (Array.isArray(b)) return Array.isArray(a) && a.length === b.length && b.every((each, k) => near(a[k], each));
  if (!Number.isFinite(a) || !Number.isFinite(b)) return Object.is(a, b);
  return Math.abs(a - b) <= TOLERANCE * (1 + Math.abs(b));
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

function operationPasses({ operation, inputs, settings, outputs }) {
  demand(Object.hasOwn(operations, operation), `operation ${JSON.stringify(operation)} is not known`);
  const found = operations[operation](arrays(inputs), settings);
  const compared = Object.entries(arrays(outputs)).filter(([name]) => !name.endsWith("_gradient"));
  demand(compared.length > 0, "it has no outputs");
  return compared.every(([name, value]) => near(found[name], value));
}

function arrays(named) {
  return Object.fromEntries(Object.entries(named ?? {}).map(([name, array]) => [name, nested(array)]));
}

function coderPasses(vector) {
  const [values, defaults, expected] = [vector.values, vector.default_boxes, vector.expected].map(nested);
  const code = { encode: ssd.encode, decode: ssd.decode }[vector.operation];
  demand(code, `operation ${JSON.stringify(vector.operation)} is not known`);
  return near(values.map((row, k) => code(row, defaults[k])), expected);
}

// A case of the audit: the same default boxes matched, the same negatives mined, the same loss.
function casePasses(vector) {
  const defaults = nested(vector.default_boxes);
  const settings = { ...vector.settings, scores: vector.scores };
  const given = list(vector, "images").map((image) => imageOf(image, defaults.length));
  demand(given.length > 0, '"images" is empty');
  const images = given.map(({ boxes, gt_labels, offsets, logits }) => {
    const rows = ssd.match(boxes, gt_labels, defaults);
    const labels = rows.map((row) => (row === ssd.NO_ROW ? 0 : gt_labels[row]));
    const targets = rows.map((row, k) => (row === ssd.NO_ROW ? [0, 0, 0, 0] : ssd.encode(boxes[row], defaults[k])));
    return { rows, offsets, logits, labels, targets };
  });
  const loss = ssd.multiboxLoss(images, settings);
  if (vector.must_not_be_finite) return !Number.isFinite(loss.total);
  const selected = given.every(
    ({ matched_row, mined }, k) =>
      near(images[k].rows, matched_row) && near(ssd.mine(images[k].logits, images[k].labels, settings).map(Number), mined),
  );
  return selected && ["total", "localization", "confidence"].every((name) => near(loss[name], number(vector[name])));
}

// The arrays and lists of an image, which must be those of `count` default boxes.
function imageOf(image, count) {
  const [boxes, offsets, logits] = [image.gt_boxes, image.offsets, image.logits].map(nested);
  const [gt_labels, matched_row] = [list(image, "gt_labels"), list(image, "matched_row")];
  const mined = list(image, "mined").map(Number);
  demand(boxes.length === gt_labels.length, '"gt_boxes" and "gt_labels" have different lengths');
  const fits = [offsets, logits, matched_row, mined].every((rows) => rows.length === count);
  demand(fits, `"offsets", "logits", "matched_row" and "mined" must have ${count} rows, as "default_boxes" has`);
  return { boxes, gt_labels, offsets, logits, matched_row, mined };
}

function list(object, name) {
  demand(Array.isArray(object[name]), `"${name}" is no list`);
  return object[name];
}

const checks = { loss: casePasses, coder: coderPasses, operation: operationPasses };

// The line to print for a vector that fails. Code that throws fails too.
function problem({ file, vector }) {
  try {
    return about(file, () => checks[vector.type](vector)) ? undefined : `fails: ${vector.name}`;
  } catch (error) {
    if (error instanceof Unusable) throw error;
    return `fails: ${vector.name} (${error})`;
  }
}

function main(folders) {
  const advice = "node check.mjs FOLDER; python -m tf_ssd.audit --export FOLDER writes it";
  demand(folders.length === 1, `name one folder of vectors: ${advice}`);
  const { specification, vectors } = readFolder(folders[0]);
  const failed = vectors.map(problem).filter((line) => line !== undefined);
  failed.forEach((line) => console.log(line));
  console.log(`${vectors.length - failed.length} of ${vectors.length} vectors pass (specification ${specification})`);
  return failed.length ? 1 : 0;
}

try {
  process.exitCode = main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof Unusable)) throw error;
  console.error(`error: ${error.message}`);
  process.exitCode = 2;
}
