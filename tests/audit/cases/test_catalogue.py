"""The expected values of the catalogue, against both packages: neither shares a line with the ledger that states them."""

import numpy as np
import pytest

from tf_ssd import coder, loss, matcher
from tf_ssd.audit.asking.implementation import load
from tf_ssd.audit.asking.production import padded
from tf_ssd.audit.cases.answer import Answer
from tf_ssd.audit.cases.case import CoderCase, LossCase
from tf_ssd.audit.cases.catalogue import BY_NAME, CASES, CATALOGUES
from tf_ssd.audit.cases.ledger import account, expected, targets
from tf_ssd.audit.cases.scene import DEFAULT_BOXES, HARDEST_FIRST, LOGITS
from tf_ssd.audit.judge import judge

EVERY = [*CASES, *(case for case in CATALOGUES["sigmoid"].values() if isinstance(case, LossCase))]
LOSSES = [case for case in EVERY if isinstance(case, LossCase)]
HARD, CODER = [case for case in LOSSES if case.by_hand], [case for case in CASES if isinstance(case, CoderCase)]
# Eigen computes exp and log of the last elements of an array without vectors, which may differ in the last bit: in float64 boxes
# of equal logits need not be equally hard to TensorFlow.
TIES = {"ties-at-the-cut", "tie-for-the-last-place"}
FRAMEWORKS = {"tf_ssd": "tensorflow", "reference_torch": "torch"}


def named(case):
    return f"{getattr(case, 'scores', 'coder')}-{case.about.name}"


@pytest.fixture(scope="module", params=[(name, dtype) for name in FRAMEWORKS for dtype in ("float32", "float64")], ids="-".join)
def implementation(request):
    name, dtype = request.param
    return load(name, framework=FRAMEWORKS[name], dtype=dtype), dtype


@pytest.mark.parametrize("case", EVERY, ids=named)
def test_both_packages_keep_every_rule(case, implementation):
    side, dtype = implementation
    judgement = judge(case, side.answer(case), dtype=dtype)
    if case.about.name in TIES and dtype == "float64" and judgement.verdict == "difference":
        assert "equally hard" in judgement.what
        return
    assert judgement.verdict == "ok" or (judgement.verdict == "n/a" and judgement.what == "has no setting replicas"), judgement


def test_there_are_enough_cases_of_different_names_and_each_is_explained():
    assert len(BY_NAME) == len(CASES) >= 40
    assert all(len(case.about.rule) > 20 and len(case.about.why) > 5 for case in EVERY)
    assert {case.scores for case in LOSSES} == set(CATALOGUES)
    for scores, cases in CATALOGUES.items():
        assert all(getattr(case, "scores", scores) == scores for case in cases.values())


@pytest.mark.parametrize("case", HARD, ids=named)
def test_the_ledger_agrees_with_the_formula_by_hand(case):
    assert expected(case).total == pytest.approx(case.by_hand[1], rel=1e-14, abs=0)


@pytest.mark.parametrize("case", LOSSES, ids=named)
def test_the_boxes_selected_by_hand_are_those_of_the_matcher_and_of_mining(case):
    rows, labels = padded([image.gt_boxes for image in case.images], [image.gt_labels for image in case.images])
    index = matcher.match(rows, labels, case.default_boxes).numpy()
    assert [{box: row for box, row in enumerate(image) if row >= 0} for image in index.tolist()] == [
        dict(sorted(image.matches.items())) for image in case.images
    ]
    if case.loud:
        return
    settings = {name: value for name, value in case.settings.items() if name in ("negative_ratio", "min_negatives", "scores")}
    wanted = np.stack([targets(image, case.default_boxes)[1] for image in case.images])
    mined = loss.hard_negative_mask(case.logits.astype(np.float32), wanted, **settings).numpy()
    assert [set(np.flatnonzero(image).tolist()) for image in mined] == [set(image.mined) for image in case.images]


@pytest.mark.parametrize("case", [case for case in LOSSES if case.known], ids=named)
def test_a_known_other_answer_is_another(case):
    """Otherwise it could never be told from the right one."""
    right = expected(case)
    for known in case.known:
        if known.images is not None:
            other = account(known.images, case.default_boxes, scores=case.scores)
            assert not np.allclose(other.logits_gradient, right.logits_gradient, rtol=1e-3) or abs(other.total - right.total) > 1e-3
        if known.sign is not None:
            parts = {"total": right.total, "localization": right.localization, "confidence": right.confidence}
            gradients = {"offsets_gradient": right.offsets_gradient, "logits_gradient": right.logits_gradient}
            assert not known.sign(Answer("answered", **parts, **gradients))


@pytest.mark.parametrize("case", CODER, ids=named)
def test_coder_cases_need_no_rounding(case):
    operation = {"encode": coder.encode, "decode": coder.decode}[case.operation]
    np.testing.assert_allclose(operation(case.values, case.default_boxes).numpy(), case.expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("scores", CATALOGUES)
def test_the_gradients_of_the_ledger_are_those_of_its_value(scores):
    """By central differences, on a case with two images and both terms."""
    case = CATALOGUES[scores]["few-and-many-positives"]
    right, step = expected(case), 1e-6
    for name, gradient in (("offsets", right.offsets_gradient), ("logits", right.logits_gradient)):
        for image, box, column in [(0, 5, 0), (1, 6, 2), (1, 11, 1), (0, 0, 0)]:
            values = []
            for sign in (1, -1):
                moved = [getattr(each, name).copy() for each in case.images]
                moved[image][box, column] += sign * step
                changed = [type(each)(**{**vars(each), name: new}) for each, new in zip(case.images, moved, strict=True)]
                values.append(account(changed, case.default_boxes, scores=scores).total)
            assert gradient[image, box, column] == pytest.approx((values[0] - values[1]) / 2 / step, abs=1e-8)


def test_the_order_of_hardness_is_as_stated():
    entropy = np.log(np.exp(LOGITS).sum(axis=1)) - LOGITS[:, 0]
    binary = np.log1p(np.exp(LOGITS * (-1, 1, 1))).sum(axis=1)
    assert np.argsort(-entropy).tolist() == np.argsort(-binary).tolist() == list(HARDEST_FIRST)
    assert len(DEFAULT_BOXES) == len(LOGITS) == 21
