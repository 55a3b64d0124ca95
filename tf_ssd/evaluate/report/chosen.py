"""Which errors a page shows, and what it says of each."""

from collections.abc import Callable

import numpy as np

from tf_ssd.evaluate.report.album import Album, Card
from tf_ssd.metrics.errors import Kind

MOST_CARDS = 24  # of a list
PER_IMAGE = 2  # cards in a list


def worst_alarms(album: Album) -> list[Card]:
    """The false alarms of the highest scores, of an image PER_IMAGE at most."""
    found = album.judged.detections
    wrong = np.flatnonzero(found.counted & ~found.hits)
    order = wrong[np.argsort(-found.scores[wrong], kind="stable")]
    return _cards(order, found.images, about_detection, album)


def worst_misses(album: Album, threshold: float) -> list[Card]:
    """Objects that are not found at a threshold, of an image PER_IMAGE at most: what is never found first, then the largest."""
    truth = album.judged.ground_truth
    missed = np.flatnonzero(truth.counted & ~truth.found(threshold))
    order = missed[np.lexsort((-truth.areas_px[missed], np.isfinite(truth.found_scores[missed])))]
    return _cards(order, truth.images, about_object, album)


def _cards(order: np.ndarray, images: np.ndarray, make: Callable[[Album, int], Card | None], album: Album) -> list[Card]:
    """The first MOST_CARDS that can be made, PER_IMAGE of an image at most."""
    cards: list[Card] = []
    seen: dict[int, int] = {}
    for number in order.tolist():
        if len(cards) == MOST_CARDS or album.full:
            break
        image = int(images[number])
        seen[image] = seen.get(image, 0) + 1
        card = make(album, number) if seen[image] <= PER_IMAGE else None
        cards += [card] if card else []
    return cards


def about_detection(album: Album, number: int) -> Card | None:
    """A card that says what a detection turned out to be, if there is a picture."""
    found, truth = album.judged.detections, album.judged.ground_truth
    about, overlap = int(found.ground_truth[number]), found.ious[number]
    name = album.class_names[truth.labels[about] - 1] if about >= 0 else ""
    words = {
        Kind.HIT: f"finds it: IoU {overlap:.2f}",
        Kind.CLASSIFICATION: f"but it is annotated as {name}",
        Kind.LOCALIZATION: f"in a wrong place: IoU {overlap:.2f} with the nearest",
        Kind.BOTH: f"wrong in class and place: IoU {overlap:.2f} with {name}",
        Kind.DUPLICATE: "once more: another detection has found it",
        Kind.BACKGROUND: "where nothing is annotated",
        Kind.LEFT_OUT: "on what the metric leaves out",
    }
    return album.card("found", number, words[Kind(found.kinds[number])])


def about_object(album: Album, number: int) -> Card | None:
    """A card that says how an object was missed, if there is a picture."""
    truth = album.judged.ground_truth
    if np.isfinite(truth.found_scores[number]):
        words = f"found only with a score of {truth.found_scores[number]:.2f}"
    else:
        words = "missed" if truth.missed[number] else "missed, though something was found near it"
    return album.card("truth", number, words)
