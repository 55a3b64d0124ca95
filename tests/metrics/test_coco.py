from dataclasses import replace

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from tf_ssd.boxes_px import area
from tf_ssd.metrics.coco import coco
from tf_ssd.metrics.images import ImageDetections, ImageGroundTruth


def truth(*rows, crowd=(), difficult=()) -> ImageGroundTruth:
    """From (box, label); `crowd` and `difficult` list row numbers."""
    boxes, labels = zip(*rows, strict=True) if rows else ((), ())
    boxes_px = np.reshape(boxes, (-1, 4)).astype(float)
    left_out, crowds = (np.isin(np.arange(len(rows)), chosen) for chosen in ((*crowd, *difficult), crowd))
    return ImageGroundTruth(boxes_px, np.array(labels, int), left_out, crowds, area(boxes_px))


def detected(*rows) -> ImageDetections:
    """From (box, label, score)."""
    boxes, labels, scores = zip(*rows, strict=True) if rows else ((), (), ())
    return ImageDetections(np.reshape(boxes, (-1, 4)).astype(float), np.array(labels, int), np.array(scores, float))


def test_a_perfect_detector():
    box = (0, 0, 40, 40)
    scores = coco([detected((box, 1, 0.9))], [truth((box, 1))], num_classes=3)
    assert scores.mean == scores.summary["AP"] == scores.summary["AP medium"] == scores.summary["AR1"] == 1
    np.testing.assert_array_equal(scores.per_class, [1, np.nan])
    assert scores.ground_truth_counts.tolist() == [1, 0]
    assert np.isnan(scores.summary["AP small"])
    np.testing.assert_array_equal(scores.details["AP50"], [1, np.nan])
    assert [len(values) for curve in scores.curves for values in (curve.recall, curve.precision)] == [101, 101, 0, 0]


def test_each_box_has_its_label():
    box = (0, 0, 40, 40)
    found, labelled = detected((box, 1, 0.9), (box, 1, 0.8)), truth((box, 1), (box, 1))
    for detections, ground_truth in (
        (replace(found, labels=found.labels[:1]), labelled),
        (found, replace(labelled, labels=labelled.labels[:1])),
    ):
        with pytest.raises(ValueError, match="zip"):
            coco([detections], [ground_truth], num_classes=2)


def test_thresholds_counted_by_hand():
    # IoU 3/4 is enough at 0.50, 0.55, ... 0.75: six of ten thresholds
    scores = coco([detected(((0, 0, 40, 30), 1, 0.9))], [truth(((0, 0, 40, 40), 1))], num_classes=2)
    assert scores.mean == pytest.approx(0.6)
    assert (scores.summary["AP50"], scores.summary["AP75"]) == (1, 1)


def test_precision_is_read_at_101_recalls():
    # TP FP TP of 2: precision 1 at the 51 recalls up to 0.5, 2/3 at the other 50
    far = (200, 200, 240, 240)
    first, second = (0, 0, 40, 40), (100, 0, 140, 40)
    scores = coco([detected((first, 1, 0.9), (far, 1, 0.8), (second, 1, 0.7))], [truth((first, 1), (second, 1))], num_classes=2)
    assert scores.mean == pytest.approx((51 + 50 * 2 / 3) / 101)
    np.testing.assert_allclose(scores.curves[0].precision, [1] * 51 + [2 / 3] * 50)


def test_a_crowd_takes_any_number_of_detections_and_is_not_missed():
    box, crowd = (0, 0, 40, 40), (100, 100, 300, 300)
    rows = [(box, 1, 0.5), *(((100 + 20 * k, 100, 120 + 20 * k, 140), 1, 0.9) for k in range(10))]
    scores = coco([detected(*rows)], [truth((box, 1), (crowd, 1), crowd=[1])], num_classes=2)
    assert scores.mean == 1
    assert scores.ground_truth_counts.tolist() == [1]


def test_a_difficult_object_is_not_missed_and_takes_one_detection_by_its_ordinary_overlap():
    box, difficult = (0, 0, 40, 40), (100, 100, 300, 300)
    ground_truth = [truth((box, 1), (difficult, 1), difficult=[1])]

    def precisions(*others):
        return coco([detected((box, 1, 0.5), *((other, 1, 0.9) for other in others))], ground_truth, num_classes=2)

    assert precisions().mean == 1
    assert precisions().ground_truth_counts.tolist() == [1]
    # IoU 3/4: left out at 0.50 to 0.75, a false positive before the true one at the other four thresholds
    assert precisions((100, 100, 300, 250)).mean == pytest.approx((6 * 1 + 4 * 1 / 2) / 10)
    # a part of it, IoU 1/50, which a crowd would take
    assert precisions((100, 100, 120, 140)).mean == pytest.approx(1 / 2)
    # a second detection of the same object is one too many, as of any object
    assert precisions(difficult, difficult).mean == pytest.approx(1 / 2)


def test_a_detection_goes_to_the_object_that_counts_even_if_it_overlaps_a_difficult_one_more():
    box, difficult = (0, 0, 40, 40), (0, 0, 40, 50)
    scores = coco([detected((difficult, 1, 0.9))], [truth((box, 1), (difficult, 1), difficult=[1])], num_classes=2)
    assert scores.mean == pytest.approx(7 / 10)  # IoU 4/5 with the box: 0.50 to 0.80; above, nothing is found


def test_the_first_ground_truth_can_be_found():
    """An annotation with the id 0 would count as unmatched in COCO's tools."""
    box = (0, 0, 40, 40)
    assert coco([detected((box, 1, 0.9)), detected()], [truth((box, 1)), truth()], num_classes=2).summary["AR1"] == 1


def test_sizes_go_by_the_area_of_the_outline():
    large = truth(((0, 0, 100, 100), 1))
    thin = ImageGroundTruth(large.boxes_px, large.labels, large.left_out, large.crowd, np.array([900.0]))  # below 32 * 32
    found = [detected(((0, 0, 100, 100), 1, 0.9))]
    for ground_truth, size in ((large, "AP large"), (thin, "AP small")):
        summary = coco(found, [ground_truth], num_classes=2).summary
        assert {name for name in ("AP small", "AP medium", "AP large") if summary[name] == 1} == {size}


def test_no_detections_and_no_ground_truth():
    assert coco([detected()], [truth(((0, 0, 9, 9), 1))], num_classes=2).mean == 0
    assert np.isnan(coco([detected(((0, 0, 9, 9), 1, 0.5))], [truth()], num_classes=2).mean)


# Against pycocotools, the published implementation, from the same numbers


def pycocotools_stats(detections, ground_truth, num_classes):
    def rows(images, **columns):
        for number, image in enumerate(images, start=1):
            for row, (xmin, ymin, xmax, ymax) in enumerate(image.boxes_px.tolist()):
                values = {name: column(image)[row].item() for name, column in columns.items()}
                bbox = [xmin, ymin, xmax - xmin, ymax - ymin]
                yield {"image_id": number, "category_id": int(image.labels[row]), "bbox": bbox, **values}

    # pycocotools overwrites "ignore", but leaves out what has no size that it knows.
    truth_rows = rows(
        ground_truth,
        area=lambda image: np.where(image.left_out & ~image.crowd, 1e12, image.areas_px),
        iscrowd=lambda image: image.crowd.astype(int),
    )
    published = COCO()
    published.dataset = {
        "info": {},
        "images": [{"id": number + 1} for number in range(len(ground_truth))],
        "categories": [{"id": label} for label in range(1, num_classes)],
        "annotations": [{"id": number, **row} for number, row in enumerate(truth_rows, start=1)],
    }
    published.createIndex()
    found = published.loadRes(list(rows(detections, score=lambda image: image.scores)))
    evaluator = COCOeval(published, found, "bbox")
    evaluator.evaluate()
    evaluator.accumulate()
    evaluator.summarize()
    return evaluator.stats, evaluator.eval["precision"][:, :, :, 0, 2]


@pytest.mark.parametrize("seed", range(6))
def test_every_number_equals_that_of_pycocotools(seed, capsys):
    random = np.random.default_rng(seed)

    def image():
        rows, other = random.integers(0, 9), random.integers(0, 130)  # more than the 100 that count
        low, sides = random.uniform(0, 300, (rows, 2)).round(2), np.exp(random.uniform(1.5, 5.5, (rows, 2))).round(2)
        boxes = np.hstack([low, low + sides])
        labels, kind = random.integers(1, 4, rows), random.random(rows)
        near = np.repeat(boxes, 3, axis=0) + random.normal(0, 0.1, (3 * rows, 4)) * np.tile(np.repeat(sides, 3, axis=0), 2)
        near[:, 2:] = np.maximum(near[:, 2:], near[:, :2])
        anywhere = random.uniform(0, 300, (other, 2))
        found = np.vstack([near, np.hstack([anywhere, anywhere + random.uniform(0, 90, (other, 2))])])
        found_labels = np.concatenate([np.repeat(labels, 3), np.ones(other, int)])
        scores = random.random(len(found)).round(2)  # with ties
        areas = area(boxes) * random.uniform(0.4, 1, rows)
        return ImageDetections(found, found_labels, scores), ImageGroundTruth(boxes, labels, kind < 0.3, kind < 0.15, areas)

    detections, ground_truth = zip(*(image() for _ in range(15)), strict=True)
    expected, precision = pycocotools_stats(detections, ground_truth, num_classes=5)
    scores = coco(detections, ground_truth, num_classes=5)
    np.testing.assert_allclose(list(scores.summary.values()), np.where(expected < 0, np.nan, expected), rtol=1e-12)
    np.testing.assert_allclose(scores.per_class, [*precision.mean(axis=(0, 1))[:3], np.nan], rtol=1e-12)
    assert 0 < scores.mean < 1
    capsys.readouterr()
