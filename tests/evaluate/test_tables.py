import json

import numpy as np
from rich.console import Console

from tf_ssd.evaluate.tables import as_json, tables
from tf_ssd.metrics.scores import AveragePrecision, Curve

NONE = Curve(np.zeros(0), np.zeros(0))
NAN = np.nan
VOC = AveragePrecision(np.array([0.5, NAN, 0.25]), np.array([8, 0, 2]), 0.375, (NONE,) * 3, {}, {"mAP": 0.375})
COCO = AveragePrecision(
    np.array([0.5, NAN]), np.array([8, 0]), 0.5, (NONE,) * 2, {"AP50": np.array([0.75, NAN])}, {"AP": 0.5, "AP small": NAN}
)


def printed(scores, names) -> list[list[str]]:
    """The words of every line that has any."""
    console = Console(width=80, record=True)
    for table in tables(scores, names):
        console.print(table)
    lines = (line.replace("│", " ").replace("┃", " ").split() for line in console.export_text().splitlines())
    return [words for words in lines if words and words[0].isascii()]


def test_classes_and_mean(capsys):
    expected = [
        ["class", "boxes", "AP"],
        ["cat", "8", "0.500"],
        ["[dog]", "0", "-"],
        ["cow", "2", "0.250"],
        ["mean", "10", "0.375"],
    ]
    assert printed(VOC, ["cat", "[dog]", "cow"]) == expected
    capsys.readouterr()


def test_further_columns_and_means(capsys):
    rows = printed(COCO, ["cat", "dog"])
    assert rows[:2] == [["class", "boxes", "AP", "AP50"], ["cat", "8", "0.500", "0.750"]]
    assert rows[-2:] == [["mean", "8", "0.500", "0.750"], ["AP", "0.500", "AP", "small", "-"]]
    capsys.readouterr()


def test_json_has_null_where_nothing_is_defined():
    values = json.loads(json.dumps(as_json(COCO, ["cat", "dog"]), allow_nan=False))
    assert values == {
        "ground_truth": 8,
        "summary": {"AP": 0.5, "AP small": None},
        "per_class": {"cat": {"ground_truth": 8, "AP": 0.5, "AP50": 0.75}, "dog": {"ground_truth": 0, "AP": None, "AP50": None}},
    }
