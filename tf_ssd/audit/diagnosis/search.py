"""The fewest errors that reproduce the most answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from tf_ssd.audit.cases.case import Case
from tf_ssd.audit.diagnosis.fingerprint import Given, agreeing, fingerprints
from tf_ssd.audit.diagnosis.hypotheses import Hypothesis, changed

Errors = tuple[Hypothesis, ...]
MOST = 8  # errors together
BEAM = 8  # of three errors and more, only what adds to so many of the best is tried
AT_ONCE = 128  # sets that are compared together
SLACK = 3  # answers by which an estimate may be too low: an error may show only together with another


@dataclass(frozen=True, eq=False)
class Found:
    """Equally good explanations, each with the errors first that explain most; the answers (n,) that are explained, and right."""

    explanations: tuple[Errors, ...]
    explained: np.ndarray
    right: np.ndarray


@dataclass(frozen=True, eq=False)
class Scored:
    """A set of errors; which answers (n,) bool it explains, and in which cases (n,) bool it changes anything."""

    errors: Errors
    explained: np.ndarray
    acts: np.ndarray

    @property
    def count(self) -> int:
        """How many answers are explained."""
        return int(self.explained.sum())


class Table:
    """Predictions for n cases, remembered from one search to the next."""

    def __init__(self, cases: Sequence[Case]) -> None:
        self._cases = cases
        self._rows: dict[Errors, np.ndarray] = {}

    def predictions(self, sets: Sequence[Errors]) -> np.ndarray:
        """(S, n, columns) for sets of errors that do not contradict each other."""
        new = [errors for errors in sets if errors not in self._rows]
        if new:
            rules = [changed(errors) for errors in new]
            self._rows.update(zip(new, fingerprints(self._cases, [one for one in rules if one is not None]), strict=True))
        return np.stack([self._rows[errors] for errors in sets])


table = cache(Table)  # of a tuple of cases


def search(cases: tuple[Case, ...], answers: Given, hypotheses: Sequence[Hypothesis]) -> Found:
    """Try no error, each error, pairs, and what adds to the best pairs; stop when nothing more is explained."""
    known = table(cases)
    nothing = _scored(known, answers, [()])[0]
    singles = _scored(known, answers, [(one,) for one in hypotheses])
    best, level = [nothing], singles
    for size in range(1, MOST + 1):
        most = max((one.count for one in level), default=0)
        if most > best[0].count:
            best = [one for one in level if one.count == most]
        elif size > 1:  # two errors may explain what neither explains alone
            break
        if best[0].explained.all():
            break
        level = _extended(known, answers, level, singles, at_least=best[0].count + 1)
    precise = [one for one in best if not any(error.vague for error in one.errors)] or best
    ordered = tuple(_heaviest_first(known, answers, one.errors) for one in precise)
    return Found(ordered, precise[0].explained, nothing.explained)


def _scored(known: Table, answers: Given, sets: Sequence[Errors]) -> list[Scored]:
    predictions, contract = known.predictions(sets), known.predictions([()])
    ordered = np.array([not any(one.vague for one in errors) for errors in sets])
    explained = agreeing(predictions, answers, ordered=ordered)
    same = np.isclose(predictions, contract, rtol=1e-6, atol=1e-6) | (predictions == contract)
    acts = ~(same | (np.isnan(predictions) & np.isnan(contract))).all(axis=-1)
    return [Scored(*row) for row in zip(sets, explained, acts, strict=True)]


def _extended(known: Table, answers: Given, level: Sequence[Scored], singles: Sequence[Scored], *, at_least: int) -> list[Scored]:
    """Sets with one more error, those of the best prospects first, until none can explain more than the best so far."""
    prospects = _prospects(level, singles)
    waiting = sorted((errors for errors in prospects if prospects[errors] >= at_least), key=lambda errors: -prospects[errors])
    done: list[Scored] = []
    while waiting and prospects[waiting[0]] >= at_least:
        possible = [errors for errors in waiting[:AT_ONCE] if changed(errors) is not None]
        del waiting[:AT_ONCE]
        done += _scored(known, answers, possible) if possible else []
        at_least = max([at_least, *(one.count for one in done)])
    return done


def _prospects(level: Sequence[Scored], singles: Sequence[Scored]) -> dict[Errors, int]:
    """How many answers each set with one more error may explain at most.

    Where only one of the two acts it explains what it explains alone, where neither acts what is right is right, and where both
    act anything is possible.
    """
    order = {single.errors[0]: number for number, single in enumerate(singles)}
    explained = np.stack([single.explained for single in singles])  # (H, n)
    acts = np.stack([single.acts for single in singles])
    acts = acts | ~acts.any(axis=1, keepdims=True)  # one that never shows alone may show anywhere
    best = level if level is singles else sorted(level, key=lambda one: -one.count)[:BEAM]
    prospects: dict[Errors, int] = {}
    for one in best:
        limits = np.where(acts, ~one.acts[None] & explained | one.acts, one.explained).sum(axis=1) + SLACK
        for single, limit in zip(singles, limits, strict=True):
            if single.errors[0] not in one.errors:
                errors = tuple(sorted((*one.errors, *single.errors), key=order.__getitem__))
                prospects[errors] = min(int(limit), prospects.get(errors, int(limit)))
    return prospects


def _heaviest_first(known: Table, answers: Given, errors: Errors) -> Errors:
    """The errors in the order of how many answers are lost without them."""
    if len(errors) < 2:
        return errors
    without = [tuple(other for other in errors if other is not one) for one in errors]
    counts = [one.count for one in _scored(known, answers, without)]
    return tuple(errors[number] for number in np.argsort(counts, kind="stable"))
