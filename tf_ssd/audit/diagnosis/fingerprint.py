"""Answers and predictions as a few numbers each, so that thousands of combinations of errors are compared at once.

A gradient is summed up by its products with fixed weights: two different gradients hardly ever have the same. Sums of powers of
such products, box by box, do not depend on the order of the boxes. As all of these are sums over the images, each combination costs
a few multiplications.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np

from tf_ssd.audit.cases.answer import Answer
from tf_ssd.audit.cases.case import Case, CoderCase, LossCase
from tf_ssd.audit.diagnosis.costs import ClassCosts, Targets, box_costs, class_costs, targets
from tf_ssd.audit.diagnosis.encoding import decode, encode
from tf_ssd.audit.diagnosis.matching import Matched, matched, refused
from tf_ssd.audit.diagnosis.mining import Taken, ranking, taken
from tf_ssd.audit.diagnosis.rules import BoxCost, Rules
from tf_ssd.audit.diagnosis.totals import Divisors, class_totals, counts_taken, divisors, overflowed
from tf_ssd.audit.judge import TOLERANCE

COLUMNS = ("total", "localization", "confidence", "offsets", "logits", "logits squared", "logits cubed", "rows", "boxes")
ORDERED, UNORDERED = COLUMNS.index("logits"), (COLUMNS.index("logits squared"), COLUMNS.index("logits cubed"))
RAISED = -np.inf  # the total of a loss that raises an exception; that of one that is not finite is NaN
SILENT = np.inf  # the total of a loss that does not answer
_WEIGHTS = np.random.default_rng(0).uniform(0.5, 1.5, 4096)


@dataclass(frozen=True, eq=False)
class Given:
    """The answers to n cases."""

    values: np.ndarray  # (n, columns)
    known: np.ndarray  # (n, columns) bool: what was answered
    tolerance: np.ndarray  # (n, 1)


def given(cases: Sequence[Case], answers: Sequence[Answer], dtype: str) -> Given:
    """Fingerprints of answers in this dtype."""
    with np.errstate(all="ignore"):  # an answer may hold any number
        rows = [_of_answer(answer) for answer in answers]
    values = np.array([[np.nan if number is None else number for number in row] for row in rows])
    known = np.array([[number is not None for number in row] for row in rows])
    tolerance = [TOLERANCE["float16" if isinstance(case, LossCase) and case.half else dtype] for case in cases]
    return Given(values, known, np.array(tolerance)[:, None])


def _of_answer(answer: Answer) -> list[float | None]:
    """One row; None for what was not answered."""
    if answer.status != "answered":
        return [RAISED if answer.status == "raised" else SILENT, *[None] * (len(COLUMNS) - 1)]
    numbers = [None if x is None else _finite(x) for x in (answer.total, answer.localization, answer.confidence)]
    slopes = None if answer.offsets_gradient is None else float(_product(answer.offsets_gradient).sum())
    classes = [None] * 3 if answer.logits_gradient is None else [float(x.sum()) for x in _powers(answer.logits_gradient)]
    others = [None if x is None else float(_weighed(x.astype(float)).sum()) for x in (answer.rows, answer.boxes)]
    return [*numbers, slopes, *classes, *others]


def _finite(value: float) -> float:
    return value if np.isfinite(value) else np.nan


def _weighed(array: np.ndarray) -> np.ndarray:
    return array * _WEIGHTS[: array.size].reshape(array.shape)


def _product(gradient: np.ndarray) -> np.ndarray:
    """A number (B,) for the gradient (B, K, n) of each image."""
    return _weighed(gradient).sum(axis=(1, 2))


def _powers(gradient: np.ndarray) -> tuple[np.ndarray, ...]:
    """Three numbers (B,) for the gradient (B, K, C) of each image; the last two do not depend on the order of the boxes."""
    by_box = gradient @ _WEIGHTS[: gradient.shape[-1]]  # (B, K)
    return _product(gradient), (by_box**2).sum(axis=1), (by_box**3).sum(axis=1)


def fingerprints(cases: Sequence[Case], rules: Sequence[Rules]) -> np.ndarray:
    """(S, n, columns) of what losses with these S rules would answer to n cases."""
    with np.errstate(all="ignore"):
        return np.stack(
            [_of_coder(case, rules) if isinstance(case, CoderCase) else _of_loss(case, rules) for case in cases], axis=1
        )


def _of_coder(case: CoderCase, rules: Sequence[Rules]) -> np.ndarray:
    code = encode if case.operation == "encode" else decode
    result = np.full((len(rules), len(COLUMNS)), np.nan)
    result[:, -1] = _each(lambda kind: _weighed(code(case.values, case.default_boxes, kind)).sum(), [r.encoding for r in rules])
    return result


def _of_loss(case: LossCase, rules: Sequence[Rules]) -> np.ndarray:
    """(S, columns). What several rules have in common is computed once."""
    result = np.full((len(rules), len(COLUMNS)), np.nan)
    result[:, 0] = RAISED
    able = [number for number, one in enumerate(rules) if not refused(case, one.refusing)]
    if able:
        result[able] = _of_accepted(case, [rules[number] for number in able])
    return result


def _of_accepted(case: LossCase, rules: Sequence[Rules]) -> np.ndarray:
    """(S, columns) of rules that raise no exception."""
    match = _each(partial(matched, case), [one.matching for one in rules])
    class_cost, mining = [one.class_cost for one in rules], [one.mining for one in rules]
    kinds = [one.ranking for one in mining], [one.positives for one in mining]
    boxes = _each(partial(taken, case), match, _each(partial(ranking, case), match, class_cost, *kinds), mining)
    wanted = _each(partial(targets, case), match, [one.encoding for one in rules])
    box = _each(partial(_box_numbers, case), match, wanted, [one.box_cost for one in rules])
    own, background = _each(partial(class_costs, case), match, class_cost), _each(partial(class_costs, case, None), class_cost)
    cost = _each(_class_numbers, boxes, own, background, [one.nan == "in the gradient" for one in class_cost])
    counted = [one if counts_taken(rule.normalizing) else None for one, rule in zip(boxes, rules, strict=True)]
    shares = _each(partial(divisors, case), match, counted, [one.normalizing for one in rules])
    rows = _each(lambda found: _weighed(found.rows.astype(float)).sum(), match)
    return np.column_stack([_combined(np.stack(box), np.stack(cost), shares), rows, np.full(len(rows), np.nan)])


def _each(function: Callable[..., Any], *arguments: Sequence[Any]) -> list[Any]:
    """The function of each row of arguments; it is called once for rows of the same objects."""
    keys = list(zip(*(map(id, column) for column in arguments), strict=True))
    first = {key: number for number, key in reversed(list(enumerate(keys)))}
    values = {key: function(*(column[number] for column in arguments)) for key, number in first.items()}
    return [values[key] for key in keys]


@cache
def _box_numbers(case: LossCase, match: Matched, wanted: Targets, rules: BoxCost) -> np.ndarray:
    """(2, B): sums, and products of the gradients."""
    sums, slopes = box_costs(case, match, wanted, rules)
    return np.stack([sums, _product(slopes)])


@cache
def _class_numbers(boxes: Taken, own: ClassCosts, background: ClassCosts, nan: bool) -> np.ndarray:
    """(4, B): sums, and products and powers of the gradients."""
    sums, slopes = class_totals(boxes, own, background, nan=nan)
    return np.stack([sums, *_powers(slopes)])


def _combined(box: np.ndarray, cost: np.ndarray, shares: Sequence[Divisors]) -> np.ndarray:
    """The columns of the loss (S, 7), from what the images have (S, 2, B) and (S, 4, B)."""
    box_share, class_share, alpha_boxes, alpha_classes, largest = map(np.array, zip(*shares, strict=True))
    localization, offsets = (box * box_share[:, None]).sum(axis=-1).T  # (S,) (S,)
    powers = np.stack([class_share, class_share, class_share**2, class_share**3], axis=1)  # (S, 4, B)
    confidence, logits, squared, cubed = (cost * powers).sum(axis=-1).T
    total = overflowed(alpha_boxes * localization + alpha_classes * confidence, box[:, 0], cost[:, 0], largest)
    factors = [alpha_classes, alpha_classes**2, alpha_classes**3]
    gradients = [factor * column for factor, column in zip(factors, (logits, squared, cubed), strict=True)]
    values = [np.where(np.isfinite(column), column, np.nan) for column in (total, localization, confidence)]
    return np.stack([*values, alpha_boxes * offsets, *gradients], axis=1)


def agreeing(predicted: np.ndarray, answers: Given, *, ordered: np.ndarray) -> np.ndarray:
    """(S, n) bool: which predictions (S, n, columns) are as answered; `ordered` (S,) says which foretell the order of boxes."""
    finite = np.where(np.isfinite(answers.values), answers.values, 0)
    allowed = answers.tolerance * (1 + np.abs(finite))  # (n, columns)
    with np.errstate(invalid="ignore"):
        near = np.abs(predicted - answers.values) <= allowed
    near |= (np.isnan(predicted) & np.isnan(answers.values)) | (predicted == answers.values) | ~answers.known
    undefined = np.isnan(predicted[..., 0]) & np.isnan(answers.values[:, 0]) & answers.known[:, 0]  # then so may be the rest
    in_any_order = np.delete(near, ORDERED, axis=-1).all(axis=-1)
    in_order = np.delete(near, UNORDERED, axis=-1).all(axis=-1)
    return undefined | np.where(ordered[:, None], in_order, in_any_order)
