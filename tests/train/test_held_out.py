import csv
import json
import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from tf_ssd.config import ModelConfig, TrainConfig
from tf_ssd.data.synthetic import SyntheticDataset
from tf_ssd.evaluate.ground_truth import image_ground_truth
from tf_ssd.evaluate.over_dataset import Evaluation
from tf_ssd.metrics import AveragePrecision
from tf_ssd.metrics.images import ImageDetections
from tf_ssd.model import ssd300
from tf_ssd.system.signals import Stopped
from tf_ssd.train import held_out
from tf_ssd.train.held_out import HeldOut
from tf_ssd.train.stretches import Stretch
from tf_ssd.weights import load_model

CONFIG = TrainConfig(steps=10, eval_every=3, batch_size=2)
DATASET = SyntheticDataset(3, seed=2)


@pytest.fixture(scope="module")
def model():
    return ssd300(ModelConfig(num_classes=4, width=0.0625))


@pytest.fixture
def means(monkeypatch):
    """Values that the next evaluations give for the mean, in place of detecting anything."""
    values = []
    monkeypatch.setattr(held_out, "detections_in", lambda *_, **__: iter([]))
    monkeypatch.setattr("tf_ssd.evaluate.over_dataset.average_precision", lambda *_, **__: Mean(values.pop(0)))
    return values


class Mean:
    def __init__(self, mean):
        self.mean = mean


def opened(folder, *, step=0, stop=lambda: False, config=CONFIG):
    return HeldOut(DATASET, config, folder, step=step, stretch=Stretch(0, config.settings().steps), stop=stop)


def rows(folder):
    return list(csv.reader((folder / "evaluations.csv").read_text().splitlines()))[1:]


def test_an_evaluation_and_its_report(model, tmp_path):
    evaluator = opened(tmp_path)
    evaluation = evaluator.evaluate(model, 10)
    with (console := Console(width=200)).capture() as printed:
        evaluator.report(evaluation, 10, evaluator.picture(evaluation), console)
    threshold = evaluation.errors.thresholds.overall
    said = "none, as nothing is found." if np.isnan(threshold) else f"{threshold:.12g}, where the mean precision is "
    assert f"Best score threshold of model.keras, of step 10: {said}" in printed.get()
    evaluator.close()
    assert len(evaluation.detections) == 3
    results = json.loads((tmp_path / "average_precision.json").read_text())
    assert set(results["per_class"]) == {"circle", "square", "triangle"}
    assert results["step"] == 10
    assert results["mean"] == pytest.approx(evaluation.average_precision.mean)
    assert rows(tmp_path) == [["10", str(evaluation.average_precision.mean)]]
    left = {"average_precision.json", "held_out.png", "best.keras", "evaluations.csv", "thresholds.json"}
    assert {path.name for path in tmp_path.iterdir()} == left
    thresholds = json.loads((tmp_path / "thresholds.json").read_text())
    assert thresholds["best.keras"] == thresholds["model.keras"]
    assert thresholds["best.keras"]["step"] == 10
    assert set(thresholds["best.keras"]["per_class"]) == {"circle", "square", "triangle"}


class Doubled(SyntheticDataset):
    """Pictures of 300 x 300 px whose annotations say 600 x 600; those numbered in `empty` cannot be read."""

    def __init__(self, *empty: int) -> None:
        super().__init__(3, seed=2)
        self.empty = empty

    def __getitem__(self, index):
        record = super().__getitem__(index)
        image = b"" if index in self.empty else record.image
        return replace(record, image=image, size=(600, 600), boxes_px=record.boxes_px * 2)


def picture_of(dataset, folder):
    """Of all that is there, found."""
    evaluator = HeldOut(dataset, CONFIG, folder, step=0, stretch=Stretch(0, 10), stop=lambda: False)
    truth = tuple(image_ground_truth(dataset[index]) for index in range(3))
    found = [ImageDetections(image.boxes_px, image.labels, np.ones(len(image.labels))) for image in truth]
    evaluator.close()
    return evaluator.picture(Evaluation(found, truth, None, 4, "voc12"))


def test_boxes_are_drawn_where_they_belong_whatever_size_the_annotation_says(tmp_path):
    np.testing.assert_array_equal(picture_of(Doubled(), tmp_path), picture_of(DATASET, tmp_path))


@pytest.mark.parametrize(("empty", "shown"), [((), 3), ((0, 2), 1), ((0, 1, 2), 0)])
def test_only_images_that_can_be_read_are_shown(tmp_path, empty, shown):
    picture = picture_of(Doubled(*empty), tmp_path)
    if not shown:
        assert picture is None
        return
    assert picture.width == 612 * shown + 12
    letters = np.asarray(picture)[: picture.height - 624]  # the caption above, which says what is dashed
    assert letters.shape[0] > 0
    assert letters.min() < 128


def test_a_large_picture_is_a_small_file(model, means, tmp_path):
    means += [0.5]
    evaluator = opened(tmp_path)
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (1000, 1500, 3), np.uint8))
    evaluation = evaluator.evaluate(model, 10)
    precision = AveragePrecision(np.array([0.5, np.nan, 0.5]), np.array([1, 0, 1]), np.nan, (), {}, {})
    evaluation = replace(evaluation, average_precision=precision)
    with (console := Console(width=80)).capture() as printed:
        evaluator.report(evaluation, 10, noise, console)
    evaluator.close()
    assert (tmp_path / "held_out.png").stat().st_size <= 2_000_000
    assert re.search(r"square\W+0\W+-\W", printed.get())
    assert "nan" not in printed.get()


def test_the_best_is_kept(model, means, tmp_path):
    means += [0.2, 0.5, 0.4]
    evaluator, bias = opened(tmp_path), model.get_layer("fc7").bias
    for step in (1, 2, 3):
        bias.assign(np.full(bias.shape, step))
        evaluator.evaluate(model, step)
    evaluator.close()
    assert load_model(tmp_path / "best.keras").get_layer("fc7").bias[0] == 2
    assert json.loads((tmp_path / "thresholds.json").read_text())["best.keras"]["step"] == 2
    assert rows(tmp_path) == [["1", "0.2"], ["2", "0.5"], ["3", "0.4"]]


def test_a_resumed_run_knows_the_best_so_far(model, means, tmp_path):
    means += [0.5, 0.9, 0.4]
    evaluator = opened(tmp_path)
    evaluator.evaluate(model, 3)
    evaluator.evaluate(model, 6)
    evaluator.close()
    again = opened(tmp_path, step=4)  # step 6 will be made again
    (tmp_path / "best.keras").unlink()
    again.evaluate(model, 6)
    again.close()
    assert rows(tmp_path) == [["3", "0.5"], ["6", "0.4"]]
    assert not (tmp_path / "best.keras").exists()


def test_evaluations_are_due_once_and_not_at_the_end(model, means, tmp_path):
    means += [0.5]
    evaluator = opened(tmp_path, config=TrainConfig(steps=9, eval_every=3))
    assert [step for step in range(10) if evaluator.is_due(step)] == [3, 6]
    evaluator.evaluate(model, 3)
    assert not evaluator.is_due(3)
    evaluator.close()
    again = opened(tmp_path, step=3)
    assert not again.is_due(3)
    again.close()


def test_without_eval_every_none_is_due(tmp_path):
    evaluator = opened(tmp_path, config=TrainConfig(steps=9))
    assert not any(evaluator.is_due(step) for step in range(10))
    evaluator.close()


def test_a_run_killed_before_its_results_were_written_evaluates_the_end_again(model, means, tmp_path):
    means += [0.5, 0.5]
    for _ in range(2):
        evaluator = opened(tmp_path, step=10)
        evaluator.evaluate(model, 10)
        evaluator.close()
    assert rows(tmp_path) == [["10", "0.5"]]


def test_a_request_to_stop_gives_it_up(model, tmp_path):
    requests = iter([False, True])
    evaluator = opened(tmp_path, stop=lambda: next(requests))
    with pytest.raises(Stopped):
        evaluator.evaluate(model, 3)
    assert evaluator.is_due(3)
    evaluator.close()
    assert rows(tmp_path) == []
    assert not (tmp_path / "best.keras").exists()


def test_evaluations_without_a_better_one_are_counted(model, means, tmp_path):
    """From the best, the first of equals, or from the beginning of the stretch; those that are not defined are none."""
    means += [np.nan, 0.5, 0.5, 0.4, np.nan, 0.6]
    evaluator, counts = opened(tmp_path), []
    for step in range(1, 7):
        evaluator.evaluate(model, step)
        counts.append((evaluator.without_better, evaluator.best[0]))
    assert counts == [(1, 0), (0, 2), (1, 2), (2, 2), (3, 2), (0, 6)]
    evaluator.close()
    again = opened(tmp_path, step=5)  # what a resumed run reads is what was counted
    assert (again.without_better, again.best) == (3, (2, 0.5))
    again.close()
    extended = HeldOut(DATASET, CONFIG, tmp_path, step=5, stretch=Stretch(4, 10), stop=lambda: False)
    assert (extended.without_better, extended.is_due(12), extended.is_due(15)) == (1, True, False)
    extended.close()


def test_what_was_evaluated_last_is_not_evaluated_again(model, means, tmp_path):
    means += [0.5, 0.6]
    evaluator = opened(tmp_path)
    first = evaluator.evaluate(model, 3)
    assert evaluator.evaluate(model, 3) is first is evaluator.last
    assert evaluator.evaluate(model, 6) is not first
    evaluator.close()
    assert rows(tmp_path) == [["3", "0.5"], ["6", "0.6"]]
