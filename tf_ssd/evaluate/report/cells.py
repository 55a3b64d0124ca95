"""The pictures of the cells of a confusion matrix."""

from typing import Any

import numpy as np

from tf_ssd.evaluate.report.album import Album, Card
from tf_ssd.evaluate.report.chosen import about_detection, about_object
from tf_ssd.evaluate.report.matrix import key_of
from tf_ssd.metrics.errors import Confusion, Judged

PER_CELL, MORE_NAMES = 6, 8  # pictures, and names of further images

Key = tuple[int, int]  # true and detected label; 0 is background


def cell_pictures(album: Album, confusion: Confusion, labels: np.ndarray) -> dict[str, dict[str, Any]]:
    """For each cell that has any, up to PER_CELL cards and names of more images; until the album is full.

    Each cell gets its first picture before one gets its second, those with the most errors first. In a cell the detections of the
    highest scores come first, and the largest missed objects.

    Args:
        album: of the page.
        confusion: the matrix.
        labels: of the classes that are shown.
    """
    members = _members(album.judged, confusion, {0, *labels.tolist()})
    order = sorted(members, key=lambda key: (key[0] == key[1], -len(members[key])))
    cards: dict[Key, list[Card]] = {key: [] for key in order}
    for turn in range(PER_CELL):
        for key in order:
            if turn < len(members[key]) and not album.full:
                make = about_detection if key[1] else about_object
                card = make(album, int(members[key][turn]))
                cards[key] += [card] if card else []
    return {key_of(*key): {"cards": cards[key], **_more(album, key, members[key][len(cards[key]) :])} for key in order}


def _more(album: Album, key: Key, numbers: np.ndarray) -> dict[str, Any]:
    """Names of further images, and how many there are beyond these."""
    images = (album.judged.detections if key[1] else album.judged.ground_truth).images
    further = list(dict.fromkeys(images[numbers].tolist()))
    return {"names": [album.images.name(image) for image in further[:MORE_NAMES]], "unnamed": max(0, len(further) - MORE_NAMES)}


def _members(judged: Judged, matrix: Confusion, shown: set[int]) -> dict[Key, np.ndarray]:
    """Numbers of the detections, and of the missed objects, in each cell of some classes that has any, in the order of cards."""
    found, truth, count = judged.detections, judged.ground_truth, judged.num_classes
    by_score = np.argsort(-found.scores, kind="stable")
    by_size = np.argsort(-truth.areas_px, kind="stable")
    kept = by_score[matrix.detections[by_score] >= 0]
    missed = by_size[matrix.ground_truth[by_size] == 0]
    cells = {
        **_grouped(matrix.detections[kept].astype(int) * count + found.labels[kept], kept),
        **_grouped(truth.labels[missed].astype(int) * count, missed),
    }
    return {divmod(cell, count): numbers for cell, numbers in cells.items() if set(divmod(cell, count)) <= shown}


def _grouped(cells: np.ndarray, numbers: np.ndarray) -> dict[int, np.ndarray]:
    """The numbers (N,) by their cells (N,), those of one cell in their order."""
    order = np.argsort(cells, kind="stable")
    starts = np.flatnonzero(np.diff(cells[order], prepend=-1))
    parts = np.split(numbers[order], starts[1:]) if len(starts) else []
    return dict(zip(cells[order][starts].tolist(), parts, strict=True))
