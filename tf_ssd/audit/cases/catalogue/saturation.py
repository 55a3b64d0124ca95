"""Logits far apart, far from zero, or infinite: the value, the gradient, and the effect on other boxes."""

from collections.abc import Callable
from math import exp, log

import numpy as np

from tf_ssd.audit.cases.answer import Answer
from tf_ssd.audit.cases.case import About, Case, Known
from tf_ssd.audit.cases.scene import (
    EVEN,
    LOGITS,
    PER_HARD,
    PER_PERFECT_MATCH,
    THREE_HARD,
    cell,
    changed,
    image,
    loss_case,
    rematched,
)

GROUP = "saturation"
OBJECT = (1, cell(5))
INF = float("inf")


def _stopped(box: int) -> Callable[[Answer], bool]:
    """A sign of a fault: this default box of the first image has no gradient."""

    def sign(answer: Answer) -> bool:
        return answer.logits_gradient is not None and not np.any(np.abs(answer.logits_gradient[0, box]) > 1e-3)

    return sign


CLAMPED = "the gradient of the positive is 0: a clamp of the softmax stops it where it is needed most"
NOT_PUSHED = "the hardest negative has no gradient: it is not mined, or a clamp of the softmax stops it"
WRONG_BY_40 = image(OBJECT, matches={5: 0}, mined=(0, 1, 2), logits=changed(THREE_HARD, {5: (40, 0, 0)}))
WRONG_BY_1000 = image(OBJECT, matches={5: 0}, mined=(0, 1, 2), logits=changed(THREE_HARD, {5: (1000, 0, 0)}))
LOUD_IMAGE = image((2, cell(9)), matches={9: 0}, logits=LOGITS + 500)
NEXT_TO_LOUD = image(OBJECT, matches={5: 0}, logits=changed(LOGITS, {5: (0, 500, 0)}))

CASES: tuple[Case, ...] = (
    loss_case(
        About(
            "wrong-by-40",
            GROUP,
            "A positive with logits (40, 0, 0) and label 1 costs 40, and pulls with the full gradient (1, -1, 0) / N.",
            "The logarithm of a clamped softmax (SSDModel at 1e-15, ssd_keras, FurkanOM) says 34.5, and its gradient is exactly 0 "
            "from a gap of about 35: what the network gets most wrong it can never learn.",
        ),
        (WRONG_BY_40,),
        by_hand=("37/32 + 40 + 3 ln(1 + 2e)", PER_PERFECT_MATCH + 40 + 3 * PER_HARD),
        known=(Known(CLAMPED, sign=_stopped(5), fault=True),),
    ),
    loss_case(
        About(
            "wrong-by-1000",
            GROUP,
            "A positive with logits (1000, 0, 0) and label 1 costs 1000, and pulls with the full gradient.",
            "exp(1000) overflows every floating point number: a softmax without subtraction of the maximum is inf / inf.",
        ),
        (WRONG_BY_1000,),
        by_hand=("37/32 + 1000 + 3 ln(1 + 2e)", PER_PERFECT_MATCH + 1000 + 3 * PER_HARD),
        known=(Known(CLAMPED, sign=_stopped(5), fault=True),),
    ),
    loss_case(
        About(
            "right-by-1000",
            GROUP,
            "A positive that is right by 1000 costs nothing and has no gradient.",
            "The opposite of wrong-by-1000: the logarithm of 1 may come out as -1e-8, or as 0 times infinity.",
        ),
        (image(OBJECT, matches={5: 0}, mined=(0, 1, 2), logits=changed(THREE_HARD, {5: (0, 1000, 0)})),),
        by_hand=("37/32 + 3 ln(1 + 2e)", PER_PERFECT_MATCH + 3 * PER_HARD),
    ),
    loss_case(
        About(
            "saturated-negative",
            GROUP,
            "A background box with logits (0, 200, 0) costs 200, is the hardest, and is pushed with (-1, 1, 0) / N.",
            "The hardest negatives are what mining is for; a clamped softmax makes the worst of them equal, and stops "
            "their gradient.",
        ),
        (image(OBJECT, matches={5: 0}, mined=(7, 0, 1), logits=changed(THREE_HARD, {7: (0, 200, 0), 2: (0, 0, 0)})),),
        by_hand=("37/32 + 200 + ln 3 + 2 ln(1 + 2e)", PER_PERFECT_MATCH + 200 + log(3) + 2 * PER_HARD),
        known=(Known(NOT_PUSHED, sign=_stopped(7), fault=True),),
    ),
    loss_case(
        About(
            "saturated-negatives-in-order",
            GROUP,
            "Background boxes wrong by 40, 50, 60 and 70: the three worst are taken.",
            "To a softmax clamped at 1e-15 all four are equal, and the first three are taken instead.",
        ),
        (
            image(
                OBJECT,
                matches={5: 0},
                mined=(9, 8, 7),
                logits=changed(EVEN, {6: (0, 40, 0), 7: (0, 50, 0), 8: (0, 60, 0), 9: (0, 70, 0)}),
            ),
        ),
        by_hand=("37/32 + 180 + ln 3", PER_PERFECT_MATCH + 180 + log(3)),
        known=(Known(NOT_PUSHED, sign=_stopped(9), fault=True),),
    ),
    loss_case(
        About(
            "logits-far-from-zero",
            GROUP,
            "The same number added to all logits changes nothing: three are ln(1 + 2e), all others ln 3.",
            "exp(4096) overflows; only differences matter.",
        ),
        (image(OBJECT, matches={5: 0}, mined=(0, 1, 2), logits=THREE_HARD + 4096),),
        by_hand=("37/32 + ln 3 + 3 ln(1 + 2e)", PER_PERFECT_MATCH + log(3) + 3 * PER_HARD),
    ),
    loss_case(
        About(
            "logits-far-below-zero",
            GROUP,
            "-4096 added to all logits changes nothing either.",
            "Here exp underflows, which leaves the logarithm of a sum of zeros.",
        ),
        (image(OBJECT, matches={5: 0}, mined=(0, 1, 2), logits=THREE_HARD - 4096),),
        by_hand=("37/32 + ln 3 + 3 ln(1 + 2e)", PER_PERFECT_MATCH + log(3) + 3 * PER_HARD),
    ),
    loss_case(
        About(
            "another-images-logits",
            GROUP,
            "Large logits in one image change nothing in the loss and gradient of another.",
            "amdegroot/ssd.pytorch subtracts the largest logit of the whole batch before exp. From a gap of about 104 on, exp is 0 "
            "in float32 for all other images: their ranking collapses (-26 % in the measured case).",
        ),
        (image(OBJECT, matches={5: 0}), LOUD_IMAGE),
    ),
    loss_case(
        About(
            "one-saturated-box",
            GROUP,
            "One box with a logit of 500 does not change which negatives are the hardest.",
            "As for another-images-logits, but within one image: one maximum is subtracted from all boxes, so that exp is 0 for "
            "the ordinary ones, which all get the same log-sum-exp.",
        ),
        (NEXT_TO_LOUD,),
        known=(
            Known(
                "the log-sum-exp subtracts one maximum for all boxes, and breaks the ranking",
                images=(rematched(NEXT_TO_LOUD, {5: 0}, mined=(0, 1, 2)),),
                fault=True,
            ),
        ),
    ),
    loss_case(
        About(
            "impossible-class",
            GROUP,
            "A logit of minus infinity is a class of probability 0: it leaves the loss finite, and gets no gradient.",
            "Code that masks classes makes such logits. A product 0 x inf in the gradient is NaN.",
        ),
        (image(OBJECT, matches={5: 0}, mined=(0, 1, 2), logits=THREE_HARD - np.array([0, 0, INF])),),
        by_hand=("37/32 + ln 2 + 3 ln(1 + e)", PER_PERFECT_MATCH + log(2) + 3 * log(1 + exp(1))),
    ),
)
