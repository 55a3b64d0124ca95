"""What becomes of a run's report when something is wrong."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from tests.evaluate.report.builder import made_up
from tf_ssd.config import VOC300, TrainConfig
from tf_ssd.data.synthetic import SyntheticDataset
from tf_ssd.errors import ResourceError
from tf_ssd.evaluate.ground_truth import image_ground_truth
from tf_ssd.evaluate.over_dataset import NOTHING, judged
from tf_ssd.train.report import write_report

PICTURES = SyntheticDataset(3, seed=3)


def detected(record):
    return made_up(image_ground_truth(record), (300, 300), alarms=3, seed=1)


@pytest.fixture
def run(tmp_path):
    trainer = SimpleNamespace(step=7, model=SimpleNamespace(config=SimpleNamespace(boxes=VOC300)))
    warnings = []
    (tmp_path / "report.html").write_text("of before")
    settings = {"config": TrainConfig(), "held_out": PICTURES, "trainer": trainer}
    return SimpleNamespace(
        folder=tmp_path, scratch=tmp_path, notices=SimpleNamespace(warn=warnings.append), warnings=warnings, **settings
    )


@pytest.fixture(scope="module")
def evaluation():
    pairs = [(record, detected(record)) for record in map(PICTURES.__getitem__, range(3))]
    return judged(pairs, PICTURES.class_names, num_classes=4)


def page(run):
    return (run.folder / "report.html").read_text(encoding="utf-8")


def test_it_is_written(run, evaluation):
    write_report(run, evaluation)
    assert "model.keras, step 7</b>" in page(run)
    assert "generated pictures · 3 images · " in page(run)


def test_pictures_that_cannot_be_read_are_named(run, evaluation):
    class Unreadable(SyntheticDataset):
        def __getitem__(self, index):
            return replace(super().__getitem__(index), image=b"")

    run.held_out = Unreadable(3, seed=3)
    write_report(run, evaluation)
    assert "of those asked for: synthetic-3-" in page(run)


def test_a_machine_at_its_limits_costs_the_report_and_not_the_run(run, evaluation, monkeypatch):
    def fail(*_, **__):
        raise ResourceError("no memory")

    monkeypatch.setattr("tf_ssd.evaluate.report.album.read_picture", fail)
    write_report(run, evaluation)
    assert run.warnings == ["report.html is not written: no memory"]
    assert not (run.folder / "report.html").exists()


def test_without_detections_or_objects_there_is_none(run):
    empty = np.zeros(0, bool)
    record = PICTURES[0]
    bare = replace(record, boxes_px=record.boxes_px[:0], labels=record.labels[:0], difficult=empty, crowd=empty)
    for pair in ((record, NOTHING), (bare, detected(record))):
        (run.folder / "report.html").write_text("of before")
        write_report(run, judged([pair], PICTURES.class_names, num_classes=4))
        assert not (run.folder / "report.html").exists()
