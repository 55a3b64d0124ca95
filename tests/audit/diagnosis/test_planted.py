"""Errors planted into both packages are named by the audit: each alone, and in pairs.

The default run takes some of the 190 pairs; --hypothesis-profile=deep takes all. docs/diagnosis.md has the table of the full run.
"""

from itertools import combinations
from random import Random

import pytest
from hypothesis import settings

from tests.audit.diagnosis import in_tensorflow, in_torch
from tests.audit.diagnosis.planting import planted
from tf_ssd.audit.asking.frameworks import TensorflowFramework, TorchFramework
from tf_ssd.audit.asking.implementation import Implementation
from tf_ssd.audit.asking.signature import read_signature
from tf_ssd.audit.cases.catalogue import BY_NAME
from tf_ssd.audit.diagnosis.diagnosis import diagnose
from tf_ssd.audit.diagnosis.hypotheses import BY_NAME as ERRORS

SIDES = {"reference_torch": (in_torch, TorchFramework, 20), "tf_ssd": (in_tensorflow, TensorflowFramework, 3)}  # pairs by default
PAIRS = list(combinations(in_torch.ERRORS, 2))
# Of these pairs one error hides the other, so that it is named alone.
HIDDEN = {("overlap-in-pixels", "threshold-strict"): "with one more pixel no overlap of the cases equals the threshold"}
# Here other errors do the same in all cases, and are listed as well.
AMBIGUOUS = {
    (
        "overlap-in-pixels",
        "claims-last",
    ): "a bound of 0: if each object claims its best box, only the smallest object shows the pixel",
    ("clamp-1e-15", "label-shifted"): "an epsilon in the logarithm: the positive that tells them apart is right by a shifted label",
}


def sentences(names):
    return {ERRORS[name].sentence for name in names}


def diagnosed(side, errors):
    module, framework, _ = SIDES[side]
    implementation = Implementation([read_signature(module.planted_loss, side)], framework(), "float32")
    with planted(errors, module.ERRORS):
        answers = {name: implementation.answer(case) for name, case in BY_NAME.items()}
    return diagnose(tuple(BY_NAME.values()), answers, dtype="float32")


def test_nothing_is_diagnosed_where_nothing_is_planted():
    assert diagnosed("reference_torch", ()) is None


def test_the_same_twenty_errors_are_planted_into_both():
    assert set(in_torch.ERRORS) == set(in_tensorflow.ERRORS)
    assert len(in_torch.ERRORS) == 20


@pytest.mark.parametrize("error", in_torch.ERRORS)
def test_an_error_alone_is_named_and_no_other(error):
    diagnosis = diagnosed("reference_torch", (error,))
    assert set(diagnosis.errors) == sentences([error])
    assert not diagnosis.unsure
    assert len(diagnosis.explained) == diagnosis.of


@pytest.mark.parametrize("side", SIDES)
def test_pairs_are_named_and_nobody_is_accused_without_doubt(side):
    pairs = PAIRS
    if settings.get_current_profile_name() != "deep":
        pairs = Random(0).sample(PAIRS, SIDES[side][2])
    named = 0
    for pair in pairs:
        diagnosis = diagnosed(side, pair)
        both = set(diagnosis.errors) == sentences(pair)
        named += both and not diagnosis.unsure
        assert set(diagnosis.errors) <= sentences(pair) or diagnosis.unsure, pair
        assert both or pair in HIDDEN, (pair, diagnosis.errors)
        assert not diagnosis.unsure or pair in AMBIGUOUS, (pair, diagnosis.alternatives)
    print(f"{side}: {named} of {len(pairs)} pairs named")
    assert named >= len(pairs) - len(HIDDEN) - len(AMBIGUOUS)


def test_few_pairs_cannot_be_told_apart():
    assert len(HIDDEN) + len(AMBIGUOUS) <= 0.05 * len(PAIRS)
    assert all(set(diagnosed("reference_torch", pair).errors) < sentences(pair) for pair in HIDDEN)
    for pair in AMBIGUOUS:
        diagnosis = diagnosed("reference_torch", pair)
        assert sentences(pair) in [set(errors) for errors in (diagnosis.errors, *diagnosis.alternatives)]
        assert diagnosis.unsure
