"""From an answer to a verdict, and to a sentence about what is wrong."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from tf_ssd.audit.cases.answer import Answer
from tf_ssd.audit.cases.case import Case, CoderCase, LossCase
from tf_ssd.audit.cases.ledger import Expected, Normalizer, account, expected

Verdict = Literal["ok", "difference", "fault", "error", "timeout", "n/a"]
BROKEN: tuple[Verdict, ...] = ("fault", "error", "timeout")
SILENT: dict[str, Verdict] = {"inapplicable": "n/a", "timeout": "timeout", "died": "error", "raised": "error"}
# Relative and absolute: an implementation may sum in any order, and float16 predictions have three digits.
TOLERANCE = {"float32": 2e-5, "float64": 1e-9, "float16": 2e-3}
# Other ways than dividing a batch by the positives of all its images: what they are, and whether they are faults.
REDUCTIONS: dict[Normalizer, tuple[str, bool]] = {
    "image": ("each image is divided by its own N, then averaged (per-image N)", False),
    "sum": ("each image is divided by its own N, then added up: the loss grows with the batch", True),
}


@dataclass(frozen=True)
class Judgement:
    """A verdict, and what is wrong or different; empty for "ok"."""

    verdict: Verdict
    what: str = ""


def judge(case: Case, answer: Answer, *, dtype: str) -> Judgement:
    """Compare an answer in `dtype` with what the case expects and with the other answers that it knows."""
    if answer.status == "raised" and isinstance(case, LossCase) and case.refusable:
        return Judgement("difference", f"refuses the input: {answer.message}")
    if answer.status != "answered":
        return Judgement(SILENT[answer.status], answer.message)
    if isinstance(case, CoderCase):
        return _judge_coder(case, answer, TOLERANCE[dtype])
    if answer.rows is not None:
        return _judge_rows(case, answer.rows)
    return _judge_loud(answer) if case.loud else _judge_loss(case, answer, TOLERANCE["float16" if case.half else dtype])


def _judge_coder(case: CoderCase, answer: Answer, tolerance: float) -> Judgement:
    assert answer.boxes is not None
    if _near(answer.boxes, case.expected, tolerance):
        return Judgement("ok")
    for known in case.known:
        if known.sign is not None and known.sign(answer):
            return Judgement("fault" if known.fault else "difference", known.what)
    return Judgement("fault", f"{_listed(answer.boxes[0])} instead of {_listed(case.expected[0])}")


def _judge_rows(case: LossCase, rows: np.ndarray) -> Judgement:
    wanted = [image.matches for image in case.images]
    matches = [{int(box): int(row) for box, row in enumerate(image) if row >= 0} for image in rows]
    if matches == wanted:
        return Judgement("ok")
    for known in case.known:
        if known.images is not None and matches == [image.matches for image in known.images]:
            return Judgement("fault" if known.fault else "difference", known.what)
    return Judgement("fault", f"default box: row is {matches} instead of {wanted}")


def _judge_loud(answer: Answer) -> Judgement:
    assert answer.total is not None
    if np.isnan(answer.total):
        return Judgement("ok")
    if np.isinf(answer.total):
        return Judgement("difference", "inf instead of NaN: as loud")
    unfit = answer.logits_gradient is not None and not np.all(np.isfinite(answer.logits_gradient))
    return Judgement("fault", f"silent: a loss of {answer.total:.6g}" + (" with a gradient that is not finite" if unfit else ""))


def _judge_loss(case: LossCase, answer: Answer, tolerance: float) -> Judgement:
    assert answer.total is not None
    wanted = expected(case)
    if _agrees(answer, wanted, tolerance):
        return Judgement("ok")
    if not np.isfinite(answer.total):
        return Judgement("fault", f"the loss is {answer.total} instead of {wanted.total:.6g}")
    if not _finite(answer):
        return Judgement("fault", f"a loss of {answer.total:.6g} with a gradient that is not finite")
    for what, fault, other in _others(case):
        if _agrees(answer, other, tolerance):
            return Judgement("fault" if fault else "difference", what)
    for known in case.known:
        permuted = known.permuted and _agrees(answer, wanted, tolerance, rows_in_order=False)
        if permuted or (known.sign is not None and known.sign(answer)):
            return Judgement("fault" if known.fault else "difference", known.what)
    return Judgement("fault", _what_differs(answer, wanted, tolerance))


def _others(case: LossCase) -> Iterator[tuple[str, bool, Expected]]:
    """Answers known from other code: what they are, whether they are faults, and their numbers."""
    rule: dict[str, Any] = {"alpha": case.options.get("alpha", 1.0), "scores": case.scores}
    selections = [("", False, case.images)] + [(known.what, known.fault, known.images) for known in case.known if known.images]
    for what, fault, images in selections:
        if what:
            yield what, fault, account(images, case.default_boxes, **rule)
        if len(images) > 1:
            for normalizer, (reduction, wrong) in REDUCTIONS.items():
                both = "; ".join(filter(None, (what, reduction)))
                yield both, fault or wrong, account(images, case.default_boxes, normalizer=normalizer, **rule)


def _agrees(answer: Answer, wanted: Expected, tolerance: float, *, rows_in_order: bool = True) -> bool:
    """Whether everything that was answered is as wanted; without `rows_in_order`, default boxes may be in any order."""
    numbers: list[Any] = [(getattr(answer, name), getattr(wanted, name)) for name in ("total", "localization", "confidence")]
    arrays = [(answer.offsets_gradient, wanted.offsets_gradient), (answer.logits_gradient, wanted.logits_gradient)]
    if not rows_in_order:
        arrays = [(None if rows is None else _sorted(rows), _sorted(others)) for rows, others in arrays]
    return all(given is None or _near(given, value, tolerance) for given, value in (*numbers, *arrays))


def _sorted(gradient: np.ndarray) -> np.ndarray:
    """The rows (B, K, n) of each image in the order of their values, which are rounded so that noise does not decide."""
    rounded = np.round(gradient, 3) + 0.0
    order = [np.lexsort(image.T[::-1]) for image in rounded]
    return np.stack([rows[index] for rows, index in zip(gradient, order, strict=True)])


def _near(given: np.ndarray | float, wanted: np.ndarray | float, tolerance: float) -> bool:
    return np.allclose(given, wanted, rtol=tolerance, atol=tolerance)


def _finite(answer: Answer) -> bool:
    gradients = (answer.offsets_gradient, answer.logits_gradient)
    return all(gradient is None or bool(np.all(np.isfinite(gradient))) for gradient in gradients)


def _what_differs(answer: Answer, wanted: Expected, tolerance: float) -> str:
    """A sentence on the first thing that is not as wanted: the total, else one of its terms, else the gradient of a box."""
    for name in ("total", "localization", "confidence"):
        given, value = getattr(answer, name), getattr(wanted, name)
        if given is not None and not _near(given, value, tolerance):
            parts = "" if answer.localization is None else f" (boxes {answer.localization:.4g}, classes {answer.confidence:.4g})"
            factor = f", x{given / value:.3g}" if value else ""
            return f"{name} {given:.6g} instead of {value:.6g}{factor}{parts if name == 'total' else ''}"
    for name in ("offsets_gradient", "logits_gradient"):
        given, value = getattr(answer, name), getattr(wanted, name)
        if given is not None and not _near(given, value, tolerance):
            image, box = np.unravel_index(np.abs(given - value).max(axis=-1).argmax(), value.shape[:2])
            pair = f"{_listed(given[image, box])} instead of {_listed(value[image, box])}"
            return f"the loss is right, the gradient is not: {name.replace('_', ' ')} of box {box}, image {image}: {pair}"
    return "differs"


def _listed(values: np.ndarray) -> str:
    return "(" + ", ".join(f"{value:.4g}" for value in values) + ")"
