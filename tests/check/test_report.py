import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tf_ssd.check.balance import balancing
from tf_ssd.check.findings import Finding, Findings
from tf_ssd.check.presets import compare_default_boxes
from tf_ssd.check.report import report
from tf_ssd.check.result import Result
from tf_ssd.check.survey import facts, survey
from tf_ssd.config import VOC300, ModelConfig
from tf_ssd.config.boxes import presets_like
from tf_ssd.data.synthetic import SyntheticDataset
from tf_ssd.errors import Place


@pytest.fixture(scope="module")
def result() -> Result:
    dataset, findings = SyntheticDataset(20, seed=0), Findings("train")
    found = survey("train", dataset.class_names, findings, list(facts(dataset, findings, exif="ignore")))
    places = [Place(Path("a.xml"), f"line {number}") for number in (3, 4)]
    more = [Finding("error", "bad", "val", f"{place}: no", place) for place in places]
    return Result([found], [*findings, *more], compare_default_boxes(found, ModelConfig(), "VOC300"))


def test_kinds_are_counted_errors_first(result):
    empty = sum(not len(SyntheticDataset(20, seed=0)[index].labels) for index in range(20))
    assert [(*key, len(found)) for key, found in result.by_kind().items()] == [
        ("error", "bad", 2),
        ("warning", "images without boxes", empty),
    ]
    assert (result.count("error"), result.count("warning"), result.count("info")) == (2, empty, 0)
    assert result.splits() == ["train", "val"]


def test_the_report_is_json_and_complete(result):
    content = json.loads(json.dumps(report(result)))
    assert content["version"] == 1
    assert content["counts"] == {"error": 2, "warning": result.count("warning"), "info": 0}
    assert content["findings"][-1] == {
        "severity": "error",
        "kind": "bad",
        "split": "val",
        "file": "a.xml",
        "object": "line 4",
        "message": "a.xml: line 4: no",
    }
    split = content["splits"]["train"]
    assert sum(item["boxes"] for item in split["classes"].values()) == split["boxes"] == len(result.surveys[0].boxes_px)
    assert split["sizes_px"] == [{"size": [300, 300], "images": 20}]


def test_the_numbers_of_the_default_boxes(result):
    content = json.loads(json.dumps(report(result)))["default_boxes"]
    assert set(content["sets"]) == {*presets_like(VOC300), "fitted"}
    chosen, coverage = content["sets"]["VOC300"], result.comparison.coverages["VOC300"]
    assert chosen["covered"] == pytest.approx(1 - chosen["not_covered"] / content["ground_truth"])
    assert chosen["mean_best_iou"] == pytest.approx(coverage.best_iou.mean())
    assert chosen["positives_per_image"]["50"] == np.median(coverage.positives)
    assert content["sets"]["fitted"]["covered"] >= max(content["sets"][name]["covered"] for name in presets_like(VOC300))
    small = content["too_small"]
    assert small["side_px"] == pytest.approx(30 / 2**0.5)
    assert list(small["share_by_tiles"]) == [str(count) for count in range(1, 17)]
    assert small["share_by_tiles"][str(small["tiles"])] <= 0.01
    for groups in (content["by_side"], content["by_aspect"]):
        assert sum(group["boxes"] for group in groups) == content["ground_truth"]
        uncovered = sum(group["boxes"] * group["uncovered"] for group in groups)
        assert uncovered == pytest.approx(chosen["not_covered"])


def test_the_balance(result):
    """Of each class the images that have it, and how often these come in an epoch."""
    labels = [set(SyntheticDataset(20, seed=0)[index].labels.tolist()) for index in range(20)]
    content = json.loads(json.dumps(report(replace(result, balance=balancing(result.surveys[0], 0.9)))))["balance"]
    images = [sum(label in found for found in labels) for label in (1, 2, 3)]
    assert [row["images"] for row in content["classes"].values()] == images
    factors = [max(1, (0.9 / (count / 20)) ** 0.5) for count in images]
    assert [row["factor"] for row in content["classes"].values()] == pytest.approx(factors)
    of_image = [max([1, *(factors[label - 1] for label in found)]) for found in labels]
    assert content["images_of_an_epoch"] == -(-sum(of_image) // 1)
    shown = [sum(factor for factor, found in zip(of_image, labels, strict=True) if label in found) for label in (1, 2, 3)]
    assert [row["shown"] for row in content["classes"].values()] == pytest.approx(shown)
    assert report(result)["balance"] is None


def test_without_boxes_there_is_nothing_about_default_boxes(result):
    assert report(Result(result.surveys, (), None))["default_boxes"] is None
