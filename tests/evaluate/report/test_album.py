import json

import numpy as np
import pytest

from tests.evaluate.report.builder import errors_of
from tf_ssd.data.synthetic import SyntheticDataset
from tf_ssd.errors import ImageError
from tf_ssd.evaluate.report import album as albums
from tf_ssd.evaluate.report.album import Album, Images
from tf_ssd.evaluate.report.cells import PER_CELL, cell_pictures
from tf_ssd.evaluate.report.chosen import MOST_CARDS, PER_IMAGE, worst_alarms, worst_misses
from tf_ssd.evaluate.report.thresholds import HUNDREDTHS, passed

PICTURES = 40


class Damaged(SyntheticDataset):
    """Whose first picture cannot be read."""

    def __getitem__(self, index):
        record = super().__getitem__(index)
        if index == 0:
            object.__setattr__(record, "image", b"")
        return record


@pytest.fixture(scope="module")
def dataset():
    return Damaged(PICTURES, seed=3)


@pytest.fixture(scope="module")
def report(dataset):
    return errors_of(dataset)[0]


@pytest.fixture
def album(dataset, report):
    judged = report.judged
    passes = {
        "found": passed(judged.detections.scores, HUNDREDTHS),
        "truth": passed(judged.ground_truth.found_scores, HUNDREDTHS),
    }
    return Album(Images(dataset, range(PICTURES), "ignore"), judged, dataset.class_names, passes)


def image_of(card, album):
    return album.pictures[card.picture]["name"]


def test_the_worst_false_alarms_have_the_highest_scores(dataset, report, album):
    cards = worst_alarms(album)
    rows = [album.pictures[card.picture]["found"][card.row] for card in cards]
    scores = [row[7] for row in rows]
    assert len(cards) == MOST_CARDS
    assert scores == sorted(scores, reverse=True)
    assert {row[6] for row in rows} == {1}
    names = [image_of(card, album) for card in cards]
    assert max(map(names.count, names)) == PER_IMAGE
    assert list(album.unreadable.values()) == ["synthetic-3-0"]
    assert "synthetic-3-0" not in names


def test_the_worst_misses_are_never_found_or_with_a_low_score(dataset, report, album):
    threshold = report.thresholds.overall
    cards = worst_misses(album, threshold)
    rows = [album.pictures[card.picture]["truth"][card.row] for card in cards]
    never = [row[5] == 0 for row in rows]
    assert never == sorted(never, reverse=True)
    areas = [row[2] * row[3] for row, first in zip(rows, never, strict=True) if first]
    assert areas == sorted(areas, reverse=True)
    assert all(row[5] <= np.searchsorted(HUNDREDTHS, threshold, side="right") for row in rows)
    assert {card.words.split(",")[0].split(" with")[0] for card in cards} <= {"missed", "found only"}


def test_a_cell_shows_what_it_counts(dataset, report, album):
    cells = cell_pictures(album, report.confusion, np.array([1, 2, 3]))
    counts = report.confusion.counts
    assert set(cells) == {f"{true}-{label}" for true, label in np.argwhere(counts).tolist()}
    for key, cell in cells.items():
        true, label = map(int, key.split("-"))
        assert 0 < len(cell["cards"]) <= min(PER_CELL, counts[true, label])
        for card in cell["cards"]:
            row = album.pictures[card.picture][card.side][card.row]
            assert (card.side, row[4]) == (("found", label) if label else ("truth", true))


def test_there_are_never_too_many_pictures_and_each_is_there_once(dataset, report, album, monkeypatch):
    monkeypatch.setattr(albums, "MOST_PICTURES", 5)
    worst_alarms(album)
    cells = cell_pictures(album, report.confusion, np.array([1, 2, 3]))
    assert len({picture["name"] for picture in album.pictures}) == len(album.pictures) == 5
    assert any(cell["names"] for cell in cells.values())
    json.dumps([album.pictures, cells])


def test_of_many_detections_in_an_image_those_of_the_best_scores_are_drawn(dataset, report, album, monkeypatch):
    monkeypatch.setattr(albums, "MOST_BOXES", 3)
    worst_alarms(album)
    found = report.judged.detections
    for picture in album.pictures:
        image = int(picture["name"].rsplit("-", 1)[1])
        best = np.sort(found.scores[found.images == image])[::-1][:3]
        np.testing.assert_allclose([row[7] for row in picture["found"]], best, atol=1e-3)
        assert len(picture["truth"]) == min(3, np.sum(report.judged.ground_truth.images == image))


def test_an_image_that_cannot_be_read_ends_nothing(dataset):
    with pytest.raises(ImageError):
        albums.read_picture(dataset[0], exif="ignore")
