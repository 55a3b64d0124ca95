import json
from io import StringIO

import numpy as np
import pytest
from rich.console import Console

from tests.metrics.errors.scene import at, detected, part, truth
from tf_ssd.evaluate.errors import error_tables, errors_json
from tf_ssd.metrics.errors import error_report
from tf_ssd.metrics.errors.lost import NAMES

CLASSES = ["cat", "[dog]"]
FOUND = [detected((at(0), 1, 0.9), (at(0), 1, 0.8), (part(0.3, 1), 1, 0.7), (at(1), 1, 0.6))]
TRUTH = [truth((at(0), 1), (at(1), 1))]


def report(detections, ground_truth):
    return error_report(detections, ground_truth, num_classes=3)


def printed(tables) -> str:
    console = Console(width=80, record=True, file=StringIO())
    for table in tables:
        console.print(table)
    return console.export_text()


def rows(text):
    lines = (line.replace("│", " ").replace("┃", " ").split() for line in text.splitlines())
    return [words for words in lines if words and words[0].isascii()]


def test_tables():
    text = printed(error_tables(report(FOUND, TRUTH), CLASSES))
    assert max(map(len, text.splitlines())) <= 80
    found = rows(text)
    assert ["class", "threshold", "precision", "recall", "F1"] in found
    assert ["cat", "0.85", "1.000", "0.500", "0.667"] in found
    assert ["[dog]", "-", "-", "-", "-"] in found
    assert ["one", "for", "all,", "mean", "0.85", "1.000", "0.500", "0.667"] in found
    assert "What costs AP, 0.750 at IoU 0.5" in text  # TP FP FP TP of 2: 1 and 1/2
    assert ["duplicate", "0.083", "1", "found", "already"] in found
    assert ["localization", "0.083", "1", "its", "class,", "IoU", "0.1", "to", "0.5"] in found
    assert ["missed", "0.000", "0", "not", "found,", "not", "nearly"] in found


def test_many_and_long_names_fit_as_well():
    names = [f"class {number} of a dataset with long names of classes, longer than a terminal is wide" for number in range(30)]
    tables = error_tables(error_report(FOUND, TRUTH, num_classes=31), names)
    assert max(map(len, printed(tables).splitlines())) <= 80


def test_json():
    values = json.loads(json.dumps(errors_json(report(FOUND, TRUTH), CLASSES), allow_nan=False))
    best = pytest.approx({"threshold": 0.85, "precision": 1, "recall": 0.5, "f1": 2 / 3})
    thresholds = values["thresholds"]
    assert thresholds["overall"] == thresholds["per_class"]["cat"]["best"] == thresholds["per_class"]["cat"]["at_overall"] == best
    assert thresholds["per_class"]["[dog]"]["best"] == {"threshold": None, "precision": None, "recall": None, "f1": None}
    curves = thresholds["curves"]
    assert len(curves["threshold"]) == 100
    assert {name: curve[84] for name, curve in curves["per_class"]["cat"].items()} == pytest.approx(
        {"precision": 1, "recall": 0.5, "f1": 2 / 3}
    )
    assert curves["per_class"]["[dog]"] == {"precision": [None] * 100, "recall": [None] * 100, "f1": [None] * 100}
    assert values["confusion"] == {
        "threshold": 0.85,
        "classes": ["background", "cat", "[dog]"],
        "counts": [[0, 0, 0], [1, 1, 0], [0, 0, 0]],
    }
    assert values["lost_ap"]["AP"] == 0.75
    assert values["lost_ap"]["kinds"]["duplicate"] == {"AP": pytest.approx(1 / 12), "errors": 1}
    assert tuple(values["lost_ap"]["kinds"]) == NAMES
    small, _, large = values["sizes"]
    expected = {"name": "small", "from": 0, "below": 1024, "ground_truth": 2, "AP": 0.75, "recall": 1, "recall_at_overall": 0.5}
    assert small == expected
    assert large == {"name": "large", "from": 9216, "below": None, "ground_truth": 0, "AP": None, "recall": None} | {
        "recall_at_overall": None
    }
    assert [group["ground_truth"] for group in values["crowding"]] == [0, 2, 0, 0]
    assert len(values["calibration"]["bins"]) == 10
    assert (
        values["calibration"]["bins"][9]
        == pytest.approx({"from": 0.9, "to": 1, "detections": 0, "mean_score": None, "precision": None})
        or values["calibration"]["bins"][8]["detections"] == 2
    )


@pytest.mark.parametrize("detections", [[detected()], [detected((at(9), 1, 0.5))]])
def test_if_nothing_is_found(detections):
    result = report(detections, TRUTH)
    json.dumps(errors_json(result, CLASSES), allow_nan=False)
    assert ["one", "for", "all,", "mean", "-", "-", "0.000", "0.000"] in rows(printed(error_tables(result, CLASSES)))
    assert np.isnan(result.thresholds.overall)
