"""What the gradients say, box by box, where no known error explains an answer."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from tf_ssd.audit.cases.answer import Answer
from tf_ssd.audit.cases.case import LossCase
from tf_ssd.audit.cases.ledger import Expected, expected

SHOWN = 3  # cases that a sentence names; the others are counted
FELT = 1e-6  # a box whose gradient is smaller takes no part
COORDINATES = ("x", "y", "width", "height")


def described(cases: Sequence[LossCase], answers: Mapping[str, Answer]) -> tuple[str, ...]:
    """A sentence for each kind of deviation from the rule: where it is seen, and in which boxes."""
    seen: dict[str, list[str]] = {}
    for case in cases:
        for what, where in _deviations(answers[case.about.name], expected(case)):
            seen.setdefault(what, []).append(f"{case.about.name}{where}")
    most_frequent_first = sorted(seen.items(), key=lambda item: -len(item[1]))
    return tuple(f"{what}: {_listed(places)}" for what, places in most_frequent_first)


def _deviations(answer: Answer, wanted: Expected) -> Iterator[tuple[str, str]]:
    """(what is wrong, where) of one answer."""
    if not np.isfinite(wanted.total):  # there is nothing to compare with
        return
    slopes, class_slopes = answer.offsets_gradient, answer.logits_gradient
    if slopes is None or class_slopes is None or not (np.isfinite(slopes).all() and np.isfinite(class_slopes).all()):
        if answer.total is not None and wanted.total and np.isfinite(answer.total / wanted.total):
            yield f"the total is x{answer.total / wanted.total:.3g}", ""
        return
    positive, matched = _felt(slopes), _felt(wanted.offsets_gradient)  # (B, K)
    taken, mined = _felt(class_slopes), _felt(wanted.logits_gradient)
    either = positive | matched
    yield from _boxes("positives are missing", matched & ~positive)
    yield from _boxes("boxes are positive that should not be", positive & ~matched)
    yield from _boxes("negatives are missing", mined & ~taken & ~either)
    yield from _boxes("boxes are negatives that should not be", taken & ~mined & ~either)
    both = positive & matched
    if both.any():
        yield from _coordinates(slopes[both], wanted.offsets_gradient[both])
    both = taken & mined
    if both.any():
        yield from _classes(class_slopes[both], wanted.logits_gradient[both])


def _felt(gradient: np.ndarray) -> np.ndarray:
    """Which boxes (B, K) the gradient (B, K, n) reaches."""
    return np.abs(gradient).max(axis=-1) > FELT


def _boxes(what: str, mask: np.ndarray) -> Iterator[tuple[str, str]]:
    """Where the boxes of the mask (B, K) are, if there are any."""
    if not mask.any():
        return
    several = len(mask) > 1
    images = [(number, np.flatnonzero(boxes)) for number, boxes in enumerate(mask) if boxes.any()]
    words = [(f"image {number}: " if several else "") + ", ".join(map(str, boxes)) for number, boxes in images]
    yield what, f" (box {'; '.join(words)})"


def _coordinates(given: np.ndarray, wanted: np.ndarray) -> Iterator[tuple[str, str]]:
    """Coordinates whose gradient (n, 4) is not as wanted, with their factor if it is the same in all boxes."""
    factors = {name: _factor(given[:, column], wanted[:, column]) for column, name in enumerate(COORDINATES)}
    for factor in dict.fromkeys(factors.values()):
        if factor != "x1":
            names = [name for name in COORDINATES if factors[name] == factor]
            yield f"the offsets' gradient is off in {' and '.join(names)}, {factor}", ""


def _classes(given: np.ndarray, wanted: np.ndarray) -> Iterator[tuple[str, str]]:
    """The factor of the class gradients (n, C), unless it is 1."""
    factor = _factor(given, wanted)
    if factor != "x1":
        yield f"the logits' gradient is off, {factor}", ""


def _factor(given: np.ndarray, wanted: np.ndarray) -> str:
    """By which factor the given numbers are off, in words."""
    if np.allclose(given, wanted, rtol=1e-3, atol=FELT):
        return "x1"
    where = np.abs(wanted) > FELT
    if not where.any():
        return "not 0"
    ratios = given[where] / wanted[where]
    same = np.allclose(ratios, ratios[0], rtol=1e-3) and np.allclose(given[~where], 0, atol=FELT)
    return f"x{ratios[0]:.3g}" if same else "not by one factor"


def _listed(places: Sequence[str]) -> str:
    more = f" and {len(places) - SHOWN} more" if len(places) > SHOWN else ""
    return ", ".join(places[:SHOWN]) + more
