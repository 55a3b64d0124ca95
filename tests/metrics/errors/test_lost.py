import numpy as np
import pytest

from tests.metrics.errors.scene import at, detected, judged, part, random_scene, truth
from tf_ssd.boxes_px import to_xywh
from tf_ssd.metrics.errors.lost import NAMES, lost_ap


def lost(rows, truth_rows, **options):
    """Of detections and ground truth in one image: average precision, and the gains that are not 0."""
    result = lost_ap(judged([detected(*rows)], [truth(*truth_rows)], **options))
    return result.ap, {name: gain for name, gain in result.by_kind.items() if gain}, result


# Counted by hand, at all points: TP and FP in order of score.


def test_what_is_removed_and_what_was_missed():
    # TP FP FP TP of 4: 1 and 1/2. Without one of the FP 1 and 2/3, without what was missed 2 boxes.
    rows = [(at(0), 1, 0.9), (at(0), 1, 0.8), (at(9), 1, 0.7), (at(1), 1, 0.6)]
    ap, gains, result = lost(rows, [(at(column), 1) for column in range(4)], num_classes=2)
    assert ap == pytest.approx(1.5 / 4)
    assert gains == pytest.approx({"duplicate": 1 / 24, "background": 1 / 24, "missed": 1.5 / 4})
    assert result.counts == {"classification": 0, "localization": 0, "both": 0, "duplicate": 1, "background": 1, "missed": 2}
    assert (result.false_positives, result.false_negatives) == pytest.approx((0.5 / 4, 1.5 / 4))


def test_a_better_place_makes_a_hit_of_the_best_score_only():
    # FP TP FP of 2 becomes TP TP
    rows = [(part(0.3, 1), 1, 0.9), (at(0), 1, 0.8), (part(0.4, 1), 1, 0.7)]
    ap, gains, _ = lost(rows, [(at(0), 1), (at(1), 1)], num_classes=2)
    assert (ap, gains) == (0.25, {"localization": 0.75})


def test_the_right_class_moves_a_detection_to_it():
    # class 1: FP TP of 1 becomes TP; class 2: nothing of 1 becomes TP
    ap, gains, _ = lost([(at(1), 1, 0.9), (at(0), 1, 0.8)], [(at(0), 1), (at(1), 2)])
    assert (ap, gains) == (0.25, {"classification": 0.75})


def test_an_error_about_what_is_found_is_removed():
    ap, gains, _ = lost([(part(0.3, 0), 1, 0.9), (at(0), 1, 0.8)], [(at(0), 1)], num_classes=2)
    assert (ap, gains) == (0.5, {"localization": 0.5})


def test_of_errors_of_two_kinds_about_one_box_the_best_score_can_be_put_right():
    # class 1: FP of 1, class 2: FP TP of 1; with the right class TP FP and TP, with the right place the FP is gone from class 1.
    rows = [(at(0), 2, 0.9), (part(0.3, 0), 1, 0.8), (at(1), 2, 0.7)]
    ap, gains, _ = lost(rows, [(at(0), 1), (at(1), 2)])
    assert (ap, gains) == (0.25, {"classification": 0.75})


def test_both_are_removed():
    ap, gains, _ = lost([(part(0.3, 1), 1, 0.9), (at(0), 1, 0.8)], [(at(0), 1), (at(1), 2)])
    assert (ap, gains) == (0.25, {"both": 0.25, "missed": 0.25})


@pytest.mark.parametrize(("false_alarms", "gain"), [([], 0.5), ([(at(9), 1, 0.9)], 0)])
def test_a_class_of_which_everything_was_missed(false_alarms, gain):
    """Without false alarms it is not in the mean any more, with some it stays at 0."""
    ap, gains, _ = lost([*false_alarms, (at(1), 2, 0.8)], [(at(0), 1), (at(1), 2)])
    assert (ap, gains.get("missed", 0)) == (0.5, gain)


def test_no_detections():
    ap, gains, result = lost([], [(at(0), 1)])
    assert (ap, gains) == (0, {"missed": 1})
    assert (result.false_positives, result.false_negatives) == (0, 1)


@pytest.mark.parametrize("rows", [[], [(at(0), 1, 0.5)]])
def test_nothing_to_be_found(rows):
    _, _, result = lost(rows, [])
    assert np.isnan([result.ap, *result.by_kind.values(), result.false_positives, result.false_negatives]).all()


def test_a_class_without_ground_truth_does_not_count():
    assert lost([(at(0), 1, 0.9), (at(5), 2, 0.9)], [(at(0), 1)])[:2] == (1, {})


@pytest.mark.parametrize(("metric", "ap"), [("voc07", 6 / 11), ("voc12", 1 / 2), ("coco", 51 / 101)])
def test_points_are_those_of_the_metric(metric, ap):
    assert lost([(at(0), 1, 0.9)], [(at(0), 1), (at(1), 1)], num_classes=2, metric=metric)[0] == pytest.approx(ap)


# Against tidecv, the published implementation


def by_tidecv(detections, ground_truth):
    """Skips where OpenCV, which it imports, finds no libGL."""
    tidecv = pytest.importorskip("tidecv", exc_type=ImportError)
    truth_data, found_data = (tidecv.Data(name, max_dets=1000) for name in ("truth", "found"))
    for image, (found, expected) in enumerate(zip(detections, ground_truth, strict=True)):
        for box, label, crowd in zip(to_xywh(expected.boxes_px).tolist(), expected.labels, expected.crowd, strict=True):
            add = truth_data.add_ignore_region if crowd else truth_data.add_ground_truth
            add(image, int(label), box)
        for box, label, score in zip(to_xywh(found.boxes_px).tolist(), found.labels, found.scores, strict=True):
            found_data.add_detection(image, int(label), float(score), box)
    run = tidecv.TIDE(pos_threshold=0.5, background_threshold=0.1, mode=tidecv.TIDE.BOX).evaluate(truth_data, found_data)
    special = run.fix_special_errors()
    return (
        run.ap,
        {kind.short_name: gain for kind, gain in run.fix_main_errors().items()},
        {kind.short_name: count for kind, count in run.count_errors().items()},
        {kind.short_name: gain for kind, gain in special.items()},
    )


@pytest.mark.parametrize("crowds", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_every_number_equals_that_of_tidecv(seed, crowds):
    """But that tidecv 1.0.1 counts the detections in crowds as errors too, which cost nothing."""
    detections, ground_truth = random_scene(seed, crowds=crowds)
    ap, gains, counts, special = by_tidecv(detections, ground_truth)
    ours = lost_ap(judged(detections, ground_truth, num_classes=4, metric="coco"))
    short = dict(zip(("Cls", "Loc", "Both", "Dupe", "Bkg", "Miss"), NAMES, strict=True))
    assert ours.ap * 100 == pytest.approx(ap, rel=1e-12)
    assert {name: ours.by_kind[short[name]] * 100 for name in short} == pytest.approx(gains, abs=1e-9)
    if not crowds:
        assert {name: ours.counts[short[name]] for name in short} == counts
    expected = {"FalsePos": ours.false_positives * 100, "FalseNeg": ours.false_negatives * 100}
    assert expected == pytest.approx(special, abs=1e-9)
    assert min(counts.values()) > 0, "or nothing was compared"
    assert min(gains.values()) > 0 or crowds
