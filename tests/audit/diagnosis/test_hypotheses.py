from collections import Counter
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from tf_ssd.audit.cases.answer import Answer
from tf_ssd.audit.cases.case import CoderCase
from tf_ssd.audit.cases.catalogue import CATALOGUES
from tf_ssd.audit.cases.ledger import expected
from tf_ssd.audit.diagnosis.fingerprint import agreeing, fingerprints, given
from tf_ssd.audit.diagnosis.hypotheses import BY_NAME, CATALOGUE, CONTRACT, changed, of_kind

# Rows without area overlap nothing, and the bound of a claim keeps them out; nothing costs less than 0; one order of ties is one of
# any order.
SEEN_IN_PAIRS_ONLY = {"no-area-kept", "positives-ranked-at-0", "ties-any"}
PRECISE = np.array([True])


def right(case) -> Answer:
    if isinstance(case, CoderCase):
        return Answer("answered", boxes=case.expected)
    with np.errstate(invalid="ignore"):  # some cases have a NaN
        return Answer("answered", **vars(expected(case)))


@pytest.mark.parametrize("scores", CATALOGUES)
def test_without_an_error_every_case_comes_out_as_the_ledger_has_it(scores):
    cases = tuple(CATALOGUES[scores].values())
    agreement = agreeing(fingerprints(cases, [CONTRACT]), given(cases, [right(case) for case in cases], "float64"), ordered=PRECISE)
    assert [case.about.name for case, same in zip(cases, agreement[0], strict=True) if not same] == []


@pytest.mark.parametrize("scores", CATALOGUES)
def test_every_error_shows_in_some_case(scores):
    cases = tuple(CATALOGUES[scores].values())
    errors = of_kind(scores, given_targets=False)
    predictions = fingerprints(cases, [changed([error]) for error in errors])
    agreement = agreeing(predictions, given(cases, [right(case) for case in cases], "float32"), ordered=np.ones(len(errors), bool))
    assert {error.name for error, same in zip(errors, agreement.all(axis=1), strict=True) if same} == SEEN_IN_PAIRS_ONLY


def test_names_and_sentences_are_unique():
    assert len(BY_NAME) == len(CATALOGUE) >= 100
    assert Counter(error.sentence for error in CATALOGUE).most_common(1)[0][1] == 1


def test_every_choice_of_the_rules_is_somebodys_error():
    chosen = {(group.name, one.name) for group in fields(CONTRACT) for one in fields(getattr(CONTRACT, group.name))}
    assert {(error.group, name) for error in CATALOGUE for name, _ in error.changes} == chosen
    assert all(changed([error]) != CONTRACT for error in CATALOGUE)


def test_two_errors_that_contradict_each_other_are_no_pair():
    assert changed([BY_NAME["variances-0.1"], BY_NAME["variances-swapped"]]) is None
    both = changed([BY_NAME["variances-0.1"], BY_NAME["order-yxhw"]])
    assert (both.encoding.variances, both.encoding.order) == ((0.1, 0.1), (1, 0, 3, 2))


def test_a_loss_that_is_given_its_targets_neither_matches_nor_encodes():
    groups = {error.group for error in of_kind("softmax", given_targets=True)}
    assert groups == {"refusing", "box_cost", "class_cost", "mining", "normalizing"}


def test_the_manual_has_every_error():
    page = (Path(__file__).parents[3] / "docs/diagnosis.md").read_text(encoding="utf-8")
    assert [error.name for error in CATALOGUE if f"\n| {error.name} | {error.sentence}" not in page] == []
