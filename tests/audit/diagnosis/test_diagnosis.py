"""Whole diagnoses of losses that are not the audit's own."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.audit.diagnosis import in_torch
from tests.audit.diagnosis.planting import Planted, planted
from tf_ssd.audit.asking.frameworks import TorchFramework
from tf_ssd.audit.asking.implementation import Implementation, load
from tf_ssd.audit.asking.signature import read_signature
from tf_ssd.audit.cases.answer import Answer
from tf_ssd.audit.cases.case import LossCase
from tf_ssd.audit.cases.catalogue import BY_NAME, CATALOGUES
from tf_ssd.audit.cases.ledger import account
from tf_ssd.audit.cases.scene import hardest
from tf_ssd.audit.diagnosis.diagnosis import DETACHED, diagnose
from tf_ssd.audit.diagnosis.hypotheses import BY_NAME as ERRORS

CASES = tuple(BY_NAME.values())


def sentences(*names):
    return {ERRORS[name].sentence for name in names}


def answers_of(implementation, cases=BY_NAME):
    return {name: implementation.answer(case) for name, case in cases.items()}


@pytest.fixture(scope="module")
def right():
    return answers_of(load("reference_torch", framework="torch", dtype="float32"))


def diagnosed(answers, cases=CASES):
    return diagnose(cases, answers, dtype="float32")


def test_a_reviewers_loss_with_two_errors():
    """Variance 0.1 for width and height, and positives left in the ranking; besides, it raises and overflows as PyTorch does."""
    diagnosis = diagnosed(answers_of(load("tests.audit.diagnosis.reviewers_loss:loss", framework="torch", dtype="float32")))
    assert set(diagnosis.errors[:2]) == sentences("variances-0.1", "positives-ranked")
    assert set(diagnosis.errors[2:]) == sentences("label-beyond-raises", "half-precision")
    assert not diagnosis.unsure
    assert (len(diagnosis.explained), diagnosis.of) == (75, 76)


def in_bits(encode):
    def replacement(*boxes, variances):
        return encode(*boxes, variances=variances) / torch.tensor([1, 1, math.log(2), math.log(2)])

    return replacement


@pytest.mark.parametrize(
    ("error", "wrap"),
    [
        ("variances-missing-for-sizes", lambda encode: lambda *boxes, variances: encode(*boxes, variances=(0.1, 1.0))),
        ("variances-missing-for-centres", lambda encode: lambda *boxes, variances: encode(*boxes, variances=(1.0, 0.2))),
        ("sizes-binary", in_bits),
    ],
)
def test_an_error_in_half_of_the_offsets_beside_another(error, wrap):
    implementation = Implementation([read_signature(in_torch.planted_loss, "planted")], TorchFramework(), "float32")
    table = {**in_torch.ERRORS, error: Planted(in_torch.matcher, "encode", wrap)}
    with planted({error, "claims-last"}, table):
        diagnosis = diagnosed(answers_of(implementation))
    assert set(diagnosis.errors) == sentences(error, "claims-last")
    assert not diagnosis.unsure


def test_the_manner_of_torchvision():
    diagnosis = diagnosed(answers_of(load("examples.audit.torchvision_style:loss", framework="torch", dtype="float32")))
    assert sentences("claims-last", "no-bound", "positives-mined-last", "no-area-raises") < set(diagnosis.errors)
    assert not diagnosis.unsure


def test_the_naive_loss_has_its_four_bugs_named():
    diagnosis = diagnosed(answers_of(load("tf_ssd.audit.examples.naive_loss:loss", framework="tensorflow", dtype="float32")))
    assert sentences("unlabelled-invented", "clamp-1e-15", "pooled", "n-sum") < set(diagnosis.errors)


def test_a_loss_on_targets_is_accused_of_nothing_that_was_not_its_task():
    diagnosis = diagnosed(answers_of(load("tf_ssd.audit.examples.keras_loss:loss", framework="tensorflow", dtype="float32")))
    assert set(diagnosis.errors) == sentences("label-beyond-free", "one-hot-product", "nan-in-gradient")
    assert diagnosis.of == 42


def test_sigmoids():
    implementation = Implementation([read_signature(in_torch.planted_loss, "planted")], TorchFramework(), "float32")
    with planted({"pooled", "clamp-1e-15"}, in_torch.ERRORS):
        answers = answers_of(implementation, CATALOGUES["sigmoid"])
    diagnosis = diagnosed(answers, tuple(CATALOGUES["sigmoid"].values()))
    assert set(diagnosis.errors) == sentences("pooled", "clamp-1e-15")
    assert not diagnosis.unsure


def test_right_answers_have_no_diagnosis(right):
    assert diagnosed(right) is None


def test_a_total_alone_is_enough(right):
    implementation = Implementation([read_signature(in_torch.planted_loss, "planted")], TorchFramework(), "float32")
    with planted({"alpha-2", "claims-last"}, in_torch.ERRORS):
        totals = {name: Answer(answer.status, total=answer.total) for name, answer in answers_of(implementation).items()}
    assert set(diagnosed(totals).errors) == sentences("alpha-2", "claims-last")


def without_gradient(answer):
    """The answer of a loss under torch.no_grad."""
    if answer.total is None:
        return answer
    slopes = {name: np.zeros_like(getattr(answer, name)) for name in ("offsets_gradient", "logits_gradient")}
    return Answer("answered", total=answer.total, **slopes)


def test_a_loss_without_gradient_is_told_so_and_accused_of_no_clamp(right):
    diagnosis = diagnosed({name: without_gradient(answer) for name, answer in right.items()})
    assert diagnosis.errors == (DETACHED,)
    assert not diagnosis.unsure


def test_what_else_is_wrong_without_gradient_is_named_from_the_totals():
    implementation = Implementation([read_signature(in_torch.planted_loss, "planted")], TorchFramework(), "float32")
    with planted({"pooled", "claims-last"}, in_torch.ERRORS):
        diagnosis = diagnosed({name: without_gradient(answer) for name, answer in answers_of(implementation).items()})
    assert diagnosis.errors[0] == DETACHED
    assert set(diagnosis.errors[1:]) == sentences("pooled", "claims-last")


def grown(answer):
    """The answer of a loss that is 1.3 times as large."""
    if answer.total is None:
        return answer
    slopes = {name: 1.3 * getattr(answer, name) for name in ("offsets_gradient", "logits_gradient")}
    return Answer("answered", total=1.3 * answer.total, **slopes)


def test_what_nobody_knows_is_not_named_but_described_by_box(right):
    diagnosis = diagnosed({name: grown(answer) if answer.boxes is None else answer for name, answer in right.items()})
    assert diagnosis.errors == ()
    assert any(line.startswith("the offsets' gradient is off in x and y and width, x1.3: ") for line in diagnosis.boxes)
    assert any(line.startswith("the logits' gradient is off, x1.3: ") for line in diagnosis.boxes)


def test_a_loss_that_always_raises_leaves_it_unsure():
    raised = dict.fromkeys(BY_NAME, Answer("raised", "ImportError"))
    diagnosis = diagnosed(raised)
    assert diagnosis.unsure
    assert diagnosis.boxes == ()


def test_a_loss_that_never_answers_is_not_explained():
    assert diagnosed(dict.fromkeys(BY_NAME, Answer("timeout"))).errors == ()
    assert diagnosed(dict.fromkeys(BY_NAME, Answer("died"))).explained == ()


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf, 1e200])
def test_answers_of_any_size_are_compared(number):
    case = BY_NAME["mining-image-by-image"]
    slopes = {"offsets_gradient": np.zeros((2, 21, 4)), "logits_gradient": np.zeros((2, 21, 3))}
    for slope in slopes.values():
        slope[0, :2, :2] = [[number, -number], [1, number]]
    answers = {case.about.name: Answer("answered", total=number, localization=number, confidence=number, **slopes)}
    assert diagnosed(answers, (case,)).of == 1


def test_one_case_alone_names_all_that_explain_it():
    case = BY_NAME["two-objects-equally-near"]
    matches = {0: 0, 4: 1}
    image = replace(case.images[0], matches=matches, mined=hardest(6, but=list(matches)))
    answer = Answer("answered", **vars(account([image], case.default_boxes)))
    diagnosis = diagnosed({case.about.name: answer}, (case,))
    named = {sentence for errors in (diagnosis.errors, *diagnosis.alternatives) for sentence in errors}
    assert named == sentences("threshold-strict", "threshold-high", "no-threshold")
    assert diagnosis.unsure


def test_a_matcher():
    matching = tuple(case for case in CASES if isinstance(case, LossCase) and case.stage == "matching")
    implementation = load("reference_torch", framework="torch", dtype="float32")
    matcher = Implementation([one for one in implementation._signatures if one.role == "match"], TorchFramework(), "float32")
    with planted({"claims-last", "no-bound"}, in_torch.ERRORS):
        answers = answers_of(matcher, {case.about.name: case for case in matching})
    assert set(diagnosed(answers, matching).errors) == sentences("claims-last", "no-bound")


def test_a_coder():
    coder = tuple(case for case in CASES if not isinstance(case, LossCase) and case.operation == "encode")
    swapped = {case.about.name: Answer("answered", boxes=case.expected * [0.5, 0.5, 2, 2]) for case in coder}
    assert set(diagnosed(swapped, coder).errors) == sentences("variances-swapped")
