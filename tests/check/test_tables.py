import re
import shlex
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from tf_ssd.check.balance import balancing
from tf_ssd.check.coverage import Coverage, GroundTruth
from tf_ssd.check.findings import Finding, Findings
from tf_ssd.check.presets import Comparison
from tf_ssd.check.result import Result
from tf_ssd.check.survey import facts, survey
from tf_ssd.check.tables import EXAMPLES, render
from tf_ssd.config import COCO300, VOC300, ModelConfig, TrainConfig
from tf_ssd.data.synthetic import SyntheticDataset
from tf_ssd.errors import Place


@pytest.fixture(scope="module")
def surveys():
    found = []
    for number, split in enumerate(("train", "val")):
        dataset, findings = SyntheticDataset(10, seed=number), Findings(split)
        found.append(survey(split, dataset.class_names, findings, list(facts(dataset, findings, exif="ignore"))))
    return found


def comparison(*, presets: float, fitted: float, chosen: float = 0.5) -> Comparison:
    truth = GroundTruth(np.float32([[0.1, 0.1, 0.2, 0.3]] * 100), np.array([100]))
    shares = {"VOC300": chosen, "COCO300": presets, "PAPER300": 0.1, "fitted": fitted}
    ious = {name: np.where(np.arange(100) < 100 * share, 0.7, 0.3) for name, share in shares.items()}
    config = {name: COCO300 if name == "COCO300" else VOC300 for name in shares}
    return Comparison(
        "train", ModelConfig(), truth, "VOC300", {name: Coverage(config[name], best, np.array([7])) for name, best in ious.items()}
    )


COMMAND = ["python", "-m", "tf_ssd.train", "--dataset", "voc", "--data", "my photos/of dogs", "--split", "train"]


def printed(surveys, findings=(), compared=None, width=80, balance=None) -> str:
    console = Console(width=width, color_system=None)
    with console.capture() as capture:
        for part in render(Result(surveys, findings, compared, balance), COMMAND):
            console.print(part)
    return capture.get()


def test_splits_and_classes(surveys):
    text = printed(surveys)
    train = surveys[0]
    assert re.search(rf"train +10 +300x300 +{len(train.boxes_px)} ", text)
    for name in train.class_names:
        rows = train.boxes_of(name)
        assert f"{len(rows)} ({len(np.unique(train.image[rows]))})" in text
    assert "no errors, 0 warnings" in text


def test_what_balance_does(surveys):
    balance = balancing(surveys[0], 0.9)
    text = printed(surveys, balance=balance)
    assert "With --balance 0.9" in text
    for name, images, factor in zip(surveys[0].class_names, balance.images, balance.factors.classes, strict=True):
        assert re.search(rf"{name} +{images} +{images / 10:.1%} +{factor:.2f} ", text)
    assert f"An epoch has {balance.epoch} images in place of 10." in text


@pytest.mark.parametrize("width", [80, 120])
def test_no_line_is_broken_off(surveys, width):
    text = printed(surveys, compared=comparison(presets=0.9, fitted=0.9), width=width, balance=balancing(surveys[0], 0.9))
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= width


def test_objects_that_are_too_small(surveys):
    def words(sides):
        compared = comparison(presets=0.5, fitted=0.5)
        boxes = np.float32([[0, 0, side / 300, side / 300] for side in sides])
        return " ".join(printed(surveys, compared=replace(compared, truth=GroundTruth(boxes, np.array([len(sides)])))).split())

    rule = "less than 21 x 21 px of it, half the area of the smallest default box, overlaps none by 0.5."
    advice = "With --tiles 2 of predict and evaluate it would be 0.0%."
    assert f"Too small for an input of 300 px: 25.0% of the boxes; {rule} {advice}" in words([15.0] * 25 + [90.0] * 75)
    assert f"1.0% of the boxes; {rule} VOC300" in words([15.0] + [90.0] * 99)
    assert "In 16 x 16 tiles it would still be 25.0%." in words([1.0] * 25 + [90.0] * 75)


def test_headings_are_whole_beside_long_names_and_numbers(surveys):
    sizes = np.array([[640, 480], [1024, 768]] * 5)
    long = [replace(survey, split=f"{survey.split}2017", records=118_287, sizes=sizes) for survey in surveys]
    text = printed(long)
    assert "…" not in text
    for word in ("images", "without", "difficult", "crowds", "train2017", "640x480 to", "118287"):
        assert re.search(rf"\b{word}\b", text)


@pytest.mark.parametrize(
    ("compared", "words"),
    [
        (
            comparison(chosen=0.75, presets=0.75, fitted=0.75),
            "VOC300 suits this data: no other sizes found cover notably more.",
        ),
        (
            comparison(chosen=0.74, presets=0.74, fitted=0.74),
            "VOC300 has a default box at 0.5 for 74.0% of the boxes, less than 75%, and no other sizes found have notably more;",
        ),
        (
            comparison(presets=0.9, fitted=0.9),
            "COCO300 has a default box at 0.5 for 90.0% of the boxes, VOC300 for 50",
        ),
        (comparison(presets=0.9, fitted=1.0), "Sizes fitted to these boxes have a default box at 0.5 for 100.0% of the boxes"),
        (comparison(presets=0.9, fitted=1.0), "Of the presets, COCO300 covers most."),
    ],
)
def test_what_other_sizes_would_do(surveys, compared, words):
    assert words in " ".join(printed(surveys, compared=compared).split())


@pytest.mark.parametrize(
    ("compared", "flags"),
    [
        (comparison(presets=0.9, fitted=0.9), ["--default-boxes", "COCO300"]),
        (comparison(presets=0.9, fitted=1.0), ["--box-sizes", "30", "60", "111", "162", "213", "264", "315"]),
    ],
)
def test_the_command_works_as_pasted(surveys, compared, flags):
    """With a backslash at the end of each line but the last."""
    text = printed(surveys, compared=compared)
    pasted = text[text.index("python -m") :].partition("\n\n")[0]
    assert shlex.split(pasted.replace("\\\n", " ")) == [*COMMAND, *flags]
    assert TrainConfig(dataset="voc", data=(Path("x"),), box_sizes=tuple(map(float, flags[1:])) if len(flags) > 2 else None)


def test_kinds_are_counted_and_only_some_examples_shown(surveys):
    findings = [Finding("warning", "dropped", "val", f"a.xml: object {number}", Place("a.xml")) for number in range(10)]
    findings += [Finding("error", "broken", "train", "b.xml: broken", Place("b.xml"))]
    text = printed(surveys, findings)
    assert text.index("error     broken        1     -") < text.index("warning   dropped       -    10")
    assert all((f"object {number}" in text) == (number < EXAMPLES) for number in range(10))
    assert "and 7 more; --json FILE has all" in text
    assert "1 error, 10 warnings: training would stop" in text
    assert "broken" not in printed(surveys, findings[:10])


def test_names_are_not_markup(surveys):
    finding = Finding("error", "broken", "train", "a[bold].xml: [red]", Place("a[bold].xml"))
    assert "a[bold].xml: [red]" in printed(surveys, [finding])
