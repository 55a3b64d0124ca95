"""The fewest errors that reproduce the most answers."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations

import numpy as np

from tf_ssd.audit.cases.case import Case
from tf_ssd.audit.diagnosis.fingerprint import Given, agreeing, fingerprints
from tf_ssd.audit.diagnosis.hypotheses import Hypothesis, changed

Errors = tuple[Hypothesis, ...]
BEAM = 12  # of three errors and more, only what adds to so many of the best is tried
MOST = 8  # errors together


@dataclass(frozen=True, eq=False)
class Found:
    """Equally good explanations; the answers (n,) bool that the first one explains; and those that are right."""

    explanations: tuple[Errors, ...]
    explained: np.ndarray
    right: np.ndarray


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
    right = _agreement(known, answers, [()])[0]
    best = Found(((),), right, right)
    singles: list[Errors] = [(one,) for one in hypotheses]
    candidates = singles
    for size in range(1, MOST + 1):
        if best.explained.all():
            break
        tried = Found(*_best(known, answers, candidates), right)
        better = tried.explained.sum() > best.explained.sum()
        if better:
            best = tried
        elif size > 1:
            break
        candidates = _pairs(known, answers, singles, right) if size == 1 else _extended(known, answers, candidates, hypotheses)
    return best


def _agreement(known: Table, answers: Given, sets: Sequence[Errors]) -> np.ndarray:
    """(S, n) bool."""
    ordered = np.array([not any(one.vague for one in errors) for errors in sets])
    return agreeing(known.predictions(sets), answers, ordered=ordered)


def _best(known: Table, answers: Given, sets: Sequence[Errors]) -> tuple[tuple[Errors, ...], np.ndarray]:
    """Those of these sets that explain most, and what the first of them explains; vague ones only if no precise one is as good."""
    agreement = _agreement(known, answers, sets)
    counts = agreement.sum(axis=1)
    best = [number for number, count in enumerate(counts) if count == counts.max()]
    chosen = [number for number in best if not any(one.vague for one in sets[number])] or best
    return tuple(sets[number] for number in chosen), agreement[chosen[0]]


def _pairs(known: Table, answers: Given, singles: Sequence[Errors], right: np.ndarray) -> list[Errors]:
    """Pairs that may explain more than their members.

    One member explains some answer that is not right, as it does where the other has no effect; or both act on nearly the same
    cases, so that neither is ever seen alone.
    """
    credited = (_agreement(known, answers, singles) & ~right).any(axis=1)  # (S,)
    contract, predictions = known.predictions([()]), known.predictions(singles)
    acts = ~(np.isclose(predictions, contract, rtol=1e-6, atol=1e-6) | (np.isnan(predictions) & np.isnan(contract))).all(axis=-1)
    common = acts.astype(int) @ acts.T.astype(int)  # (S, S)
    either = acts.sum(axis=1)[:, None] + acts.sum(axis=1) - common
    promising = credited[:, None] | credited | (2 * common >= np.maximum(either, 1))
    return _possible((*singles[a], *singles[b]) for a, b in combinations(range(len(singles)), 2) if promising[a, b])


def _extended(known: Table, answers: Given, sets: Sequence[Errors], hypotheses: Sequence[Hypothesis]) -> list[Errors]:
    """The best of these sets, each with one more error."""
    best = np.argsort(-_agreement(known, answers, sets).sum(axis=1), kind="stable")[:BEAM]
    order = {one: number for number, one in enumerate(hypotheses)}
    larger = {
        tuple(sorted((*sets[number], one), key=order.__getitem__))
        for number in best
        for one in hypotheses
        if one not in sets[number]
    }
    return _possible(sorted(larger, key=lambda errors: [order[one] for one in errors]))


def _possible(sets: Iterable[Errors]) -> list[Errors]:
    """Those whose errors do not contradict each other."""
    return [errors for errors in sets if changed(errors) is not None]
