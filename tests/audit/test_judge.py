from dataclasses import replace

import numpy as np
import pytest

from tf_ssd.audit.cases.answer import Answer, from_json, to_json
from tf_ssd.audit.cases.catalogue import BY_NAME, CATALOGUES
from tf_ssd.audit.cases.ledger import account, expected
from tf_ssd.audit.judge import judge

CASE, BATCH, LOUD = BY_NAME["three-hardest-negatives"], BY_NAME["few-and-many-positives"], BY_NAME["nan-in-a-negative"]


def answer_of(result, **changed) -> Answer:
    """What an implementation with this result would have answered."""
    return replace(Answer("answered", **vars(result)), **changed)


def verdict(case, answer):
    judgement = judge(case, answer, dtype="float32")
    return judgement.verdict, judgement.what


def test_the_expected_answer_is_ok():
    assert verdict(CASE, answer_of(expected(CASE))) == ("ok", "")


def test_a_total_alone_is_judged_by_itself():
    assert verdict(CASE, Answer("answered", total=expected(CASE).total)) == ("ok", "")


@pytest.mark.parametrize(("total", "what"), [(np.nan, "the loss is nan"), (np.inf, "the loss is inf")])
def test_an_undefined_or_infinite_result_is_a_fault(total, what):
    kind, words = verdict(CASE, answer_of(expected(CASE), total=total))
    assert kind == "fault"
    assert words.startswith(what)


def test_a_finite_loss_with_a_nan_gradient_is_a_fault():
    right = expected(CASE)
    kind, what = verdict(CASE, answer_of(right, logits_gradient=right.logits_gradient * np.nan))
    assert (kind, what) == ("fault", "a loss of 8.05257 with a gradient that is not finite")


def test_a_wrong_gradient_names_its_box():
    slopes = expected(CASE).logits_gradient.copy()
    slopes[0, 8] = 0
    kind, what = verdict(CASE, answer_of(expected(CASE), logits_gradient=slopes))
    assert kind == "fault"
    assert "the loss is right, the gradient is not: logits gradient of box 8, image 0: (0, 0, 0) instead of (-0.83" in what


def test_a_wrong_total_says_by_which_factor():
    right = expected(CASE)
    kind, what = verdict(CASE, answer_of(right, total=2 * right.total))
    assert (kind, what) == ("fault", "total 16.1051 instead of 8.05257, x2 (boxes 1.156, classes 6.896)")


@pytest.mark.parametrize(("normalizer", "kind"), [("image", "difference"), ("sum", "fault")])
def test_other_normalisations_are_recognised(normalizer, kind):
    other = account(BATCH.images, BATCH.default_boxes, normalizer=normalizer)
    assert verdict(BATCH, answer_of(other))[0] == kind
    assert "divided by its own N" in verdict(BATCH, answer_of(other))[1]


KNOWING = [case for cases in CATALOGUES.values() for case in cases.values() if any(k.images for k in getattr(case, "known", ()))]


@pytest.mark.parametrize("case", KNOWING)
def test_every_known_selection_is_recognised(case):
    for known in case.known:
        if known.images is not None:
            kind, what = verdict(case, answer_of(account(known.images, case.default_boxes, scores=case.scores)))
            assert what == known.what
            assert kind == ("fault" if known.fault else "difference")


def test_a_tie_decided_otherwise_is_a_difference_but_only_with_the_same_slopes():
    case = BY_NAME["ties-at-the-cut"]
    slopes = expected(case).logits_gradient.copy()
    slopes[0, [0, 17]] = slopes[0, [17, 0]]
    assert verdict(case, answer_of(expected(case), logits_gradient=slopes))[0] == "difference"
    slopes[0, 17] *= 2
    assert verdict(case, answer_of(expected(case), logits_gradient=slopes))[0] == "fault"


@pytest.mark.parametrize(
    ("total", "kind", "what"), [(np.nan, "ok", ""), (np.inf, "difference", "as loud"), (3.5, "fault", "silent: a loss of 3.5")]
)
def test_where_nan_is_wanted_a_number_is_silent(total, kind, what):
    assert verdict(LOUD, Answer("answered", total=total))[0] == kind
    assert what in verdict(LOUD, Answer("answered", total=total))[1]


@pytest.mark.parametrize(
    ("name", "status", "kind"),
    [
        ("three-hardest-negatives", "raised", "error"),
        ("zero-width-alone", "raised", "difference"),
        ("zero-width-alone", "died", "error"),
        ("zero-width-alone", "timeout", "timeout"),
        ("zero-width-alone", "inapplicable", "n/a"),
    ],
)
def test_no_answer(name, status, kind):
    assert verdict(BY_NAME[name], Answer(status, "what happened"))[0] == kind


def test_rows_of_a_matcher():
    case = BY_NAME["two-objects-share-a-best-box"]
    rows = np.full((1, 21), -1)
    rows[0, [5, 6]] = 0, 1
    assert verdict(case, Answer("answered", rows=rows)) == ("ok", "")
    rows[0, [5, 6]] = 1, -1
    assert verdict(case, Answer("answered", rows=rows))[0] == "difference"
    rows[0, 7] = 0
    assert "default box: row is [{5: 1, 7: 0}] instead of [{5: 0, 6: 1}]" in verdict(case, Answer("answered", rows=rows))[1]


def test_a_coder():
    case = BY_NAME["decode-beyond-the-limit"]
    assert verdict(case, Answer("answered", boxes=case.expected)) == ("ok", "")
    half = 0.125 * np.exp(5)
    unlimited = np.array([[0.5 - half, 0.5 - half / 2, 0.5 + half, 0.5 + half / 2]])
    assert verdict(case, Answer("answered", boxes=unlimited)) == ("difference", "no limit of the size (Caffe)")
    assert verdict(case, Answer("answered", boxes=case.expected + np.nan))[0] == "fault"


def test_float16_predictions_are_judged_by_three_digits():
    case = BY_NAME["float16"]
    right = expected(case)
    assert verdict(case, answer_of(right, total=right.total * 1.001))[0] == "ok"
    assert verdict(CASE, answer_of(expected(CASE), total=expected(CASE).total * 1.001))[0] == "fault"


def test_answers_pass_between_processes():
    answer = answer_of(expected(LOUD), rows=None, seconds=0.5)
    again = from_json(to_json(answer))
    np.testing.assert_array_equal(again.logits_gradient, answer.logits_gradient)
    assert np.isnan(again.total)
    assert (again.rows, again.seconds, again.status) == (None, 0.5, "answered")
