from dataclasses import replace

import numpy as np
import pytest

from tf_ssd.audit.cases.answer import Answer
from tf_ssd.audit.cases.catalogue import BY_NAME
from tf_ssd.audit.cases.ledger import expected
from tf_ssd.audit.diagnosis.by_box import described

CASE = BY_NAME["three-hardest-negatives"]
RIGHT = Answer("answered", **vars(expected(CASE)))


def offsets(change) -> Answer:
    slopes = RIGHT.offsets_gradient.copy()
    change(slopes)
    return replace(RIGHT, offsets_gradient=slopes)


def logits(change) -> Answer:
    slopes = RIGHT.logits_gradient.copy()
    change(slopes)
    return replace(RIGHT, logits_gradient=slopes)


def set_to(row, value):
    def change(slopes):
        slopes[0, row] = value

    return change


def times(columns, factor):
    def change(slopes):
        slopes[..., columns] *= factor

    return change


@pytest.mark.parametrize(
    ("answer", "sentences"),
    [
        (RIGHT, ()),
        (offsets(set_to(5, 0)), ("positives are missing: three-hardest-negatives (box 5)",)),
        (offsets(set_to([6, 7], 1)), ("boxes are positive that should not be: three-hardest-negatives (box 6, 7)",)),
        (logits(set_to(8, 0)), ("negatives are missing: three-hardest-negatives (box 8)",)),
        (logits(set_to(3, 1)), ("boxes are negatives that should not be: three-hardest-negatives (box 3)",)),
        (offsets(times([1, 2], 0.5)), ("the offsets' gradient is off in y and width, x0.5: three-hardest-negatives",)),
        (offsets(set_to(5, 2)), None),
        (logits(times(slice(None), 3)), ("the logits' gradient is off, x3: three-hardest-negatives",)),
        (logits(times(1, 3)), ("the logits' gradient is off, not by one factor: three-hardest-negatives",)),
        (Answer("answered", total=2 * RIGHT.total), ("the total is x2: three-hardest-negatives",)),
        (replace(RIGHT, logits_gradient=RIGHT.logits_gradient * np.nan), ("the total is x1: three-hardest-negatives",)),
        (Answer("raised", "why"), ()),
    ],
)
def test_a_sentence_for_each_deviation(answer, sentences):
    said = described([CASE], {CASE.about.name: answer})
    if sentences is None:
        assert [line.partition(": ")[0] for line in said] == [
            "the offsets' gradient is off in x, x4",
            "the offsets' gradient is off in y, x-8",
            "the offsets' gradient is off in width, x2",
            "the offsets' gradient is off in height, not 0",
        ]
    else:
        assert said == sentences


def test_what_must_not_be_finite_is_not_compared():
    case = BY_NAME["nan-in-an-image-without-labels"]
    finite = Answer(
        "answered", total=1.0, **{f"{name}_gradient": np.ones_like(getattr(case, name)) for name in ("offsets", "logits")}
    )
    for answer in (finite, replace(finite, offsets_gradient=None, logits_gradient=None)):
        assert described([case], {case.about.name: answer}) == ()


def test_many_cases_are_counted():
    few = [BY_NAME[name] for name in ("one-object", "nested-objects", "all-positive", "alpha", "two-replicas")]
    answers = {case.about.name: Answer("answered", total=2 * expected(case).total) for case in few}
    assert described(few, answers) == ("the total is x2: one-object, nested-objects, all-positive and 2 more",)


def test_a_loss_that_should_not_be_a_number_is_off_by_no_factor():
    loud = BY_NAME["nan-in-a-negative"]
    assert described([loud], {loud.about.name: Answer("answered", total=2.0)}) == ()
